// frp as it comes: TLS between client and server, streams over one connection. Its `http` mode parses requests
// as a hub must, its `tcp` mode only carries bytes.
import { plain } from "../load/target.ts";
import { freePort, reachable } from "../stage.ts";
import type { Contender, Ground, Peer } from "./peer.ts";

export const frp: Peer = {
  name: "frp",
  programs: ["frps", "frpc"],
  async start(ground) {
    return [await pair(ground, "http"), await pair(ground, "tcp")];
  },
};

async function pair(ground: Ground, mode: "http" | "tcp"): Promise<Contender> {
  const { stage, originPort, between } = ground;
  const port = await freePort();
  const bindPort = await freePort();
  const server = stage.start([
    "frps",
    "-c",
    stage.file(
      `frps-${mode}.toml`,
      `bindAddr = "127.0.0.1"
bindPort = ${bindPort}
proxyBindAddr = "127.0.0.1"
log.level = "error"
${mode === "http" ? `vhostHTTPPort = ${port}` : ""}
`,
    ),
  ]);
  await reachable(bindPort);
  const client = stage.start([
    "frpc",
    "-c",
    stage.file(
      `frpc-${mode}.toml`,
      `serverAddr = "127.0.0.1"
serverPort = ${between === undefined ? bindPort : await between(bindPort)}
log.level = "error"
[[proxies]]
name = "bench"
type = "${mode}"
localIP = "127.0.0.1"
localPort = ${originPort}
${mode === "http" ? 'customDomains = ["bench.localhost"]' : `remotePort = ${port}`}
`,
    ),
  ]);
  await reachable(port);
  const target = plain(port);
  await answers(target.port, target.host);
  return { name: `frp, ${mode}`, target, hub: [server.pid], agent: [client.pid] };
}

/** The http mode listens before its client is there, and answers 404 until then. */
async function answers(port: number, host: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { Host: host } }).catch(
      () => undefined,
    );
    if (response?.status === 200) return;
    await Bun.sleep(50);
  }
  throw new Error("frp does not answer");
}
