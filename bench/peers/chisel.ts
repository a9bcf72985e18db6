// chisel: SSH channels over a WebSocket.
import { plain } from "../load/target.ts";
import { freePort, reachable } from "../stage.ts";
import type { Peer } from "./peer.ts";

export const chisel: Peer = {
  name: "chisel",
  programs: ["chisel"],
  async start({ stage, originPort, between }) {
    const serverPort = await freePort();
    const port = await freePort();
    const server = stage.start([
      "chisel",
      "server",
      "--reverse",
      "--host",
      "127.0.0.1",
      "--port",
      String(serverPort),
    ]);
    await reachable(serverPort);
    const dialled = between === undefined ? serverPort : await between(serverPort);
    const client = stage.start([
      "chisel",
      "client",
      `http://127.0.0.1:${dialled}`,
      `R:127.0.0.1:${port}:127.0.0.1:${originPort}`,
    ]);
    await reachable(port);
    return [{ name: "chisel", target: plain(port), hub: [server.pid], agent: [client.pid] }];
  },
};
