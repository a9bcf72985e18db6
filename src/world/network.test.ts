import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCode } from "../protocol/errors.ts";
import { realNetwork } from "./network.ts";
import type { ByteStreamEvents, Socket } from "./world.ts";

const quiet: ByteStreamEvents = { data() {}, drain() {}, end() {}, close() {} };

/** Echoes everything and half-closes after the other side has. */
function echo(socket: Socket): ByteStreamEvents {
  return { ...quiet, data: (bytes) => void socket.write(bytes), end: () => socket.shutdown() };
}

test("a half-closed connection still carries the answer, then closes", async () => {
  const listener = await realNetwork.listen({ address: { host: "127.0.0.1", port: 0 }, connection: echo });
  const told: string[] = [];
  await new Promise<void>((closed) => {
    void realNetwork.connect({
      address: { host: "127.0.0.1", port: listener.port },
      timeoutMs: 2000,
      connected(socket) {
        socket.write(new TextEncoder().encode("ping"));
        socket.shutdown();
        return {
          ...quiet,
          data: (bytes) => void told.push(new TextDecoder().decode(bytes)),
          end: () => void told.push("end"),
          close: () => closed(),
        };
      },
    });
  });
  listener.close();
  expect(told).toEqual(["ping", "end"]);
});

test("a unix socket is private and reachable", async () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-net-"));
  const path = join(folder, "s");
  const listener = await realNetwork.listen({ address: { path }, connection: echo });
  const text = await new Promise<string>((resolve) => {
    void realNetwork.connect({
      address: { path },
      timeoutMs: 2000,
      connected(socket) {
        socket.write(new TextEncoder().encode("hi"));
        return { ...quiet, data: (bytes) => resolve(new TextDecoder().decode(bytes)) };
      },
    });
  });
  listener.close();
  rmSync(folder, { recursive: true });
  expect(text).toBe("hi");
});

test("a refused connection rejects with the system's code", async () => {
  const listener = await realNetwork.listen({ address: { host: "127.0.0.1", port: 0 }, connection: echo });
  const { port } = listener;
  listener.close();
  const error: unknown = await realNetwork
    .connect({ address: { host: "127.0.0.1", port }, timeoutMs: 2000, connected: () => quiet })
    .catch((thrown: unknown) => thrown);
  expect(systemCode(error)).toBe("ECONNREFUSED");
});

test("a taken port rejects with EADDRINUSE", async () => {
  const listener = await realNetwork.listen({ address: { host: "127.0.0.1", port: 0 }, connection: echo });
  const second = realNetwork.listen({
    address: { host: "127.0.0.1", port: listener.port },
    connection: echo,
  });
  const error: unknown = await second.catch((thrown: unknown) => thrown);
  listener.close();
  expect(systemCode(error)).toBe("EADDRINUSE");
});

test("an HTTP server's port is its own, for other processes too", async () => {
  const answer = () => new Response("mine");
  const first = await realNetwork.serve({ address: { host: "127.0.0.1", port: 0 }, fetch: answer });
  const script = `const { realNetwork } = await import(${JSON.stringify(join(import.meta.dir, "network.ts"))});
    await realNetwork.serve({ address: { host: "127.0.0.1", port: ${first.port} }, fetch: () => new Response() })
      .then(() => console.log("bound"), (error) => console.log(error.code)); process.exit();`;
  const other = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  expect((await new Response(other.stdout).text()).trim()).toBe("EADDRINUSE");
  first.close();
});

test("what a socket delivers is no Buffer, so that a slice of it is a copy", async () => {
  const listener = await realNetwork.listen({ address: { host: "127.0.0.1", port: 0 }, connection: echo });
  const delivered = await new Promise<Uint8Array>((resolve) => {
    void realNetwork.connect({
      address: { host: "127.0.0.1", port: listener.port },
      timeoutMs: 2000,
      connected(socket) {
        socket.write(new TextEncoder().encode("x"));
        return { ...quiet, data: resolve };
      },
    });
  });
  listener.close();
  expect(delivered.constructor).toBe(Uint8Array);
});
