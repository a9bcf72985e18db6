import { afterEach, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { streamFetch } from "./stream-fetch.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

/** A server of bytes: `answer` is called with each connection's first request. */
async function serve(answer: (socket: Socket, request: string) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    // The client may drop it.
    socket.on("error", () => {});
    socket.once("data", (bytes) => answer(socket, bytes.toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number }; // it listens on a port
  return { url: `http://127.0.0.1:${port}/`, sockets };
}

function closed(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (socket === undefined || socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

test("a piece is there before the next is made", async () => {
  const { url, sockets } = await serve((socket) => socket.write(`${CHUNKED}5\r\nfirst\r\n`));
  const response = await streamFetch(url);
  const pieces: string[] = [];
  for await (const piece of response.body ?? []) {
    pieces.push(Buffer.from(piece).toString());
    sockets[0]?.write(pieces.length === 1 ? "6\r\nsecond\r\n" : "0\r\n\r\n");
  }
  expect(pieces).toEqual(["first", "second"]);
});

test("a server is held while nobody reads", async () => {
  const piece = Buffer.alloc(64 * 1024);
  const isHeld = Promise.withResolvers<void>();
  let sentBytes = 0;
  const { url } = await serve((socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const send = (): void => {
      while (sentBytes < 512 * 1024 * 1024) {
        sentBytes += piece.length;
        if (socket.write(piece)) continue;
        const patience = setTimeout(() => isHeld.resolve(), 100);
        return void socket.once("drain", () => {
          clearTimeout(patience);
          send();
        });
      }
      isHeld.reject(new Error("all of it was taken"));
    };
    send();
  });
  const reader = (await streamFetch(url)).body?.getReader();
  await reader?.read();
  await isHeld.promise;
  await reader?.cancel();
});

test.each(["5\r\nhello\r\n", "9\r\nhello"])(
  "an answer that breaks off after %j is no whole one",
  async (said) => {
    const { url } = await serve((socket) => socket.end(`${CHUNKED}${said}`));
    const response = await streamFetch(url);
    expect(await response.text().catch(() => "broken")).toBe("broken");
  },
);

test("a request is a connection of its own, closed with its answer", async () => {
  const { url, sockets } = await serve((socket) =>
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
  );
  for (const round of [1, 2]) {
    expect(await (await streamFetch(url)).text()).toBe("hi");
    await closed(sockets[round - 1]);
  }
  expect(sockets).toHaveLength(2);
});

test("who aborts, or leaves the answer, drops the connection", async () => {
  const { url, sockets } = await serve((socket) => socket.write(`${CHUNKED}5\r\nhello\r\n`));
  const gone = new AbortController();
  const aborted = await streamFetch(url, { signal: gone.signal });
  gone.abort();
  expect(await aborted.text().catch(() => "broken")).toBe("broken");
  await closed(sockets[0]);
  for await (const _ of (await streamFetch(url)).body ?? []) break;
  await closed(sockets[1]);
});

test("neither redirect nor packing is followed", async () => {
  const head =
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n";
  const { url } = await serve((socket) => socket.write(`${head}\r\nhello`));
  const response = await streamFetch(url);
  expect(response.status).toBe(302);
  expect(await response.text()).toBe("hello");
});

test("the environment's proxy is not asked", async () => {
  const direct = await serve((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect"));
  const proxy = await serve((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy"));
  // Of the environment that a process begins with.
  const program = `
    const { streamFetch } = await import(${JSON.stringify(new URL("stream-fetch.ts", import.meta.url).href)});
    const [own, usual] = await Promise.all([streamFetch, fetch].map((ask) => ask(${JSON.stringify(direct.url)})));
    console.log(await own.text(), await usual.text());`;
  const child = Bun.spawn([process.execPath, "-e", program], {
    env: { HTTP_PROXY: proxy.url, http_proxy: proxy.url },
    stdout: "pipe",
  });
  expect(await new Response(child.stdout).text()).toBe("direct proxy\n");
});
