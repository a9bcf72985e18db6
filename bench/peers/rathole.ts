// rathole with its Noise transport, so that it encrypts as the others do.
import { plain } from "../load/target.ts";
import { freePort, reachable } from "../stage.ts";
import type { Peer } from "./peer.ts";

export const rathole: Peer = {
  name: "rathole",
  programs: ["rathole"],
  async start({ stage, originPort, between }) {
    const keys = await stage.run(["rathole", "--genkey"]);
    const [privateKey, publicKey] = [...keys.matchAll(/^[A-Za-z0-9+/]{43}=$/gm)].map(([key]) => key);
    if (privateKey === undefined || publicKey === undefined) throw new Error("rathole made no keys");
    const serverPort = await freePort();
    const port = await freePort();
    const server = stage.start([
      "rathole",
      "--server",
      stage.file(
        "rathole-server.toml",
        `[server]
bind_addr = "127.0.0.1:${serverPort}"
[server.transport]
type = "noise"
[server.transport.noise]
local_private_key = "${privateKey}"
[server.services.bench]
token = "bench"
bind_addr = "127.0.0.1:${port}"
`,
      ),
    ]);
    await reachable(serverPort);
    const dialled = between === undefined ? serverPort : await between(serverPort);
    const client = stage.start([
      "rathole",
      "--client",
      stage.file(
        "rathole-client.toml",
        `[client]
remote_addr = "127.0.0.1:${dialled}"
[client.transport]
type = "noise"
[client.transport.noise]
remote_public_key = "${publicKey}"
[client.services.bench]
token = "bench"
local_addr = "127.0.0.1:${originPort}"
`,
      ),
    ]);
    await reachable(port);
    return [{ name: "rathole", target: plain(port), hub: [server.pid], agent: [client.pid] }];
  },
};
