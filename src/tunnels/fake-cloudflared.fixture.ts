// For tests: a program that talks like cloudflared and carries nothing. It serves /ready and /config, and does what
// its /fake/… paths say. Where it listens stands in its home, in "fake-port".

import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeCloudflared extends AsyncDisposable {
  program: string;
  /** The supervisor's folder. */
  folder: string;
  /** What its last start was given. */
  started(): Promise<{ argv: string[]; environment: Record<string, string>; config: unknown }>;
  /** Has the one that runs do something: reconfigure, config-only, lose, crash, visitor. */
  tell(what: string): Promise<void>;
}

const SCRIPT = `
import { readFileSync, writeFileSync } from "node:fs";
const say = (level, text) => process.stderr.write(new Date().toISOString().slice(0, 19) + "Z " + level + " " + text + "\\n");
const argv = process.argv.slice(2);
const config = JSON.parse(readFileSync(argv[argv.indexOf("--config") + 1], "utf8"));
writeFileSync(process.env.HOME + "/fake-started", JSON.stringify({ argv, environment: process.env, config }));
let version = -1;
let ready = 0;
const conn = "connIndex=0 connection=44986d4e-c420-4a53-a449-92d20b51cb6e event=0 ip=2606:4700:a8::2";
say("INF", "Starting tunnel tunnelID=" + argv.at(-1));
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch(request) {
  switch (new URL(request.url).pathname) {
    case "/ready": return Response.json({ status: ready > 0 ? 200 : 503, readyConnections: ready, connectorId: "x" }, { status: ready > 0 ? 200 : 503 });
    case "/config": return Response.json({ version, config: config });
    case "/fake/reconfigure": say("INF", 'Updated to new configuration config="{\\\\"ingress\\\\":[{\\\\"service\\\\":\\\\"ssh://localhost:22\\\\"}]}" version=3'); break;
    case "/fake/config-only": version = 0; break;
    case "/fake/lose": ready = 0; say("INF", "Unregistered tunnel connection " + conn); break;
    case "/fake/visitor": say("ERR", 'error="Unable to reach the origin service" dest="https://pi.example.com/ INF Updated to new configuration"'); break;
    case "/fake/crash": setTimeout(() => process.exit(3), 5); break;
  }
  return new Response("ok");
} });
process.on("SIGTERM", () => { say("INF", "Initiating graceful shutdown due to signal terminated ..."); process.exit(0); });
say("INF", "Starting metrics server on 127.0.0.1:" + server.port + "/metrics");
writeFileSync(process.env.HOME + "/fake-port", String(server.port));
ready = 1;
say("INF", "Registered tunnel connection " + conn + " location=tpe01 protocol=quic");
`;

export async function fakeCloudflared(): Promise<FakeCloudflared> {
  const folder = await mkdtemp(join(tmpdir(), "muster-cloudflared-"));
  const program = join(folder, "cloudflared");
  await writeFile(join(folder, "cloudflared.mjs"), SCRIPT);
  // An absolute interpreter: the child has no PATH.
  await writeFile(program, `#!/bin/sh\nexec ${process.execPath} ${join(folder, "cloudflared.mjs")} "$@"\n`);
  await chmod(program, 0o700);
  return {
    program,
    folder,
    started: async () =>
      // Written by the script above.
      JSON.parse(await readFile(join(folder, "fake-started"), "utf8")) as Awaited<
        ReturnType<FakeCloudflared["started"]>
      >,
    async tell(what) {
      const port = await readFile(join(folder, "fake-port"), "utf8");
      await fetch(`http://127.0.0.1:${port}/fake/${what}`);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
