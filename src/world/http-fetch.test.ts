import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { httpFetch } from "./http-fetch.ts";

test("a name below localhost is this machine, and the server sees the name", async () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => new Response(request.headers.get("host")),
  });
  const response = await httpFetch(`http://anything.localhost:${server.port}/`);
  expect(await response.text()).toBe(`anything.localhost:${server.port}`);
  await server.stop(true);
});

test.each([
  ["999 Odd", "999"],
  ["000 Odd", "0"],
  ["101 Switching Protocols\r\nUpgrade: odd\r\nConnection: upgrade", "nobody asked for"],
])("a server that answers %j is a failure of its request alone", async (head, reason) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    // The client drops it.
    socket.on("error", () => {});
    socket.once("data", () => socket.write(`HTTP/1.1 ${head}\r\nContent-Length: 2\r\n\r\nhi`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number }; // it listens on a port
  expect(await httpFetch(`http://127.0.0.1:${port}/`).catch(String)).toContain(reason);
  for (const socket of sockets) socket.destroy();
  server.close();
});
