// nginx as a reverse proxy: one hop, and two as a tunnel has them, plain and with TLS on both. One worker
// each, as each side of a tunnel is one process. Buffers sized for bulk, no temporary files, no log.
import { plain } from "../load/target.ts";
import { freePort, reachable, type Started } from "../stage.ts";
import type { Contender, Ground, Peer } from "./peer.ts";

export const nginx: Peer = {
  name: "nginx",
  programs: ["nginx"],
  async start(ground): Promise<Contender[]> {
    const inner = await proxy(ground, { to: ground.originPort, tls: false });
    const outer = await proxy(ground, { to: inner.port, tls: false });
    const innerTls = await proxy(ground, { to: ground.originPort, tls: true });
    const outerTls = await proxy(ground, { to: innerTls.port, tls: true, toTls: true });
    return [
      { name: "nginx, one hop", target: plain(inner.port), hub: [inner.started.pid], agent: [] },
      {
        name: "nginx, two hops",
        target: plain(outer.port),
        hub: [outer.started.pid],
        agent: [inner.started.pid],
      },
      {
        name: "nginx, two hops, TLS on both",
        target: { ...plain(outerTls.port), tls: true },
        hub: [outerTls.started.pid],
        agent: [innerTls.started.pid],
      },
    ];
  },
};

interface ProxyOptions {
  to: number;
  tls: boolean;
  toTls?: true;
  /** Passes on what it has, for what is streamed. */
  unbuffered?: true;
}

export async function proxy(
  ground: Ground,
  options: ProxyOptions,
): Promise<{ port: number; started: Started }> {
  const { stage } = ground;
  const port = await freePort();
  const folder = stage.makeFolder(`nginx-${port}`);
  const file = stage.file(`nginx-${port}.conf`, configuration(ground, { ...options, port, folder }));
  const started = stage.start(["nginx", "-e", "stderr", "-p", folder, "-c", file]);
  await reachable(port);
  return { port, started };
}

function configuration(
  { cert, key }: Ground,
  { port, to, tls, toTls, unbuffered, folder }: ProxyOptions & { port: number; folder: string },
): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join("\n  ");
  return `daemon off;
worker_processes 1;
pid ${folder}/pid;
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary}
  map $http_upgrade $connection_field { default upgrade; '' ''; }
  upstream far { server 127.0.0.1:${to}; keepalive 128; }
  server {
    listen 127.0.0.1:${port}${tls ? " ssl" : ""};
    ${tls ? `ssl_certificate ${cert}; ssl_certificate_key ${key};` : ""}
    keepalive_requests 1000000000;
    client_max_body_size 0;
    location / {
      proxy_pass ${toTls === true ? "https" : "http"}://far;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_field;
      proxy_request_buffering off;
      ${unbuffered === true ? "proxy_buffering off;" : ""}
      proxy_buffers 16 64k;
      proxy_max_temp_file_size 0;
    }
  }
}
`;
}
