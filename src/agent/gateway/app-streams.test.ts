import { expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answersWith, rawApp } from "./app.fixture.ts";
import { appShare, PASSWORD, readTold, requestText, startGateway, visit } from "./gateway.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const WEBSOCKET = { Connection: "Upgrade", Upgrade: "websocket" };

/** Of all that is still reachable, buffers included. */
function liveBytes(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

function linesOf(head: string): string[] {
  return head.slice(0, head.indexOf("\r\n\r\n")).split("\r\n");
}

test("once it has spoken an app may take its time", async () => {
  await using app = await rawApp();
  const test1 = startGateway();
  const visitor = visit(test1, appShare(app.port));
  visitor.send(requestText({}));
  const connection = await app.connection(0);
  await connection.head();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  await visitor.until(() => visitor.received > 0);
  test1.time.advance(120_000);
  connection.send("ok");
  await visitor.over();
  expect(readTold(visitor).body.toString()).toBe("ok");
});

test("interim responses pass, and a body waits for 100 Continue", async () => {
  await using app = await rawApp();
  const visitor = visit(startGateway(), appShare(app.port));
  visitor.send(requestText({ method: "POST", headers: { Expect: "100-continue", "Content-Length": "4" } }));
  const connection = await app.connection(0);
  await connection.head();
  expect(connection.text.toLowerCase()).toContain("expect: 100-continue");
  connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
  await visitor.until(() => visitor.text().includes("100 Continue\r\n\r\n"));
  expect(visitor.text()).toBe(
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
  );
  visitor.send("body");
  await connection.until((text) => text.endsWith("body"));
  connection.send(OK);
  await visitor.over();
  expect(visitor.text()).toEndWith("\r\n\r\nok");
});

test("chunks, extensions and trailers pass as they are, both ways", async () => {
  await using app = await rawApp();
  const visitor = visit(startGateway(), appShare(app.port));
  const body = "3;x=1\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n";
  visitor.send(requestText({ method: "POST", headers: { "Transfer-Encoding": "chunked", TE: "trailers" } }));
  visitor.send(body.slice(0, 10));
  visitor.send(body.slice(10));
  const connection = await app.connection(0);
  await connection.until((text) => text.endsWith(body));
  expect(connection.text.toLowerCase()).toContain("te: trailers");
  connection.send(`HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
  await visitor.over();
  expect(visitor.text()).toEndWith(`\r\n\r\n${body}`);
  expect(visitor.text()).toContain("Trailer: X-Sum");
});

test("events are passed on one by one as they come", async () => {
  await using app = await rawApp();
  const visitor = visit(startGateway(), appShare(app.port));
  visitor.send(requestText({ headers: { Accept: "text/event-stream" } }));
  const connection = await app.connection(0);
  await connection.head();
  connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  await visitor.until(() => visitor.text().endsWith("\r\n\r\n"));
  for (let n = 0; n < 3; n++) {
    connection.send(`9\r\ndata: ${n}\n\n\r\n`);
    await visitor.until(() => visitor.text().endsWith(`9\r\ndata: ${n}\n\n\r\n`));
  }
  visitor.leave();
  await connection.until(() => connection.closed);
});

test("a WebSocket is agreed to by flag first, then raw bytes pass both ways until both have ended", async () => {
  await using app = await rawApp();
  const visitor = visit(startGateway(), appShare(app.port));
  visitor.send(requestText({ headers: WEBSOCKET }));
  const connection = await app.connection(0);
  await connection.head();
  expect(linesOf(connection.text)).toContain("Upgrade: websocket");
  connection.forgetText();
  expect(visitor.flags).toEqual([]);
  connection.send(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello",
  );
  await visitor.until(() => visitor.text().endsWith("hello"));
  expect(visitor.flags).toEqual(["r"]);
  expect(visitor.text()).toContain("Connection: Upgrade\r\n");
  visitor.send("\x81\x00not HTTP at all");
  await connection.until((text) => text === "\x81\x00not HTTP at all");
  visitor.end();
  await connection.until(() => connection.ended);
  connection.send("last words").socket.finish();
  await visitor.over();
  expect(visitor.text()).toEndWith("hellolast words");
  expect(visitor.fin?.status).toBe(101);
});

test("an upgrade that the app declines is an ordinary response", async () => {
  await using app = await rawApp(answersWith(OK));
  const visitor = visit(startGateway(), appShare(app.port));
  visitor.send(requestText({ headers: WEBSOCKET }));
  await visitor.over();
  expect(visitor.flags).toEqual([]);
  expect(readTold(visitor)).toMatchObject({ status: 200 });
});

test("a WebSocket whose app dies is cut", async () => {
  await using app = await rawApp();
  const visitor = visit(startGateway(), appShare(app.port));
  visitor.send(requestText({ headers: WEBSOCKET }));
  const connection = await app.connection(0);
  await connection.head();
  connection.send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  await visitor.until(() => visitor.received > 0);
  connection.socket.close();
  await visitor.over();
  expect(visitor.cut).toBe(true);
});

test("a body that comes while its password is looked at, or while the app is dialled, is not lost", async () => {
  await using app = await rawApp();
  const visitor = visit(startGateway(), appShare(app.port, { access: "password" }));
  const body = "0123456789".repeat(1000);
  visitor.send(requestText({ method: "POST", headers: { "Muster-Password": PASSWORD }, body }));
  const connection = await app.connection(0);
  await connection.until((text) => text.endsWith(`\r\n\r\n${body}`));
  connection.send(OK);
  await visitor.over();
  expect(readTold(visitor).status).toBe(200);
});

test("an early answer to a long upload is whole, and ends the connection", async () => {
  await using app = await rawApp((connection) => {
    if (connection.text.includes("\r\n\r\n")) {
      connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    }
  });
  const visitor = visit(startGateway(), appShare(app.port));
  visitor.send(requestText({ method: "PUT", headers: { "Content-Length": "100000000" } }));
  visitor.send("x".repeat(1000));
  await visitor.over();
  expect(readTold(visitor).status).toBe(413);
  expect(visitor.fin).toMatchObject({ status: 413, close: true });
});

test("who leaves while the app is still dialled or thinking leaves nothing behind", async () => {
  await using app = await rawApp();
  const test1 = startGateway();
  const early = visit(test1, appShare(app.port));
  early.send(requestText({}));
  early.leave();
  const first = await app.connection(0);
  await first.until(() => first.closed);
  const late = visit(test1, appShare(app.port));
  late.send(requestText({}));
  const second = await app.connection(1);
  await second.head();
  late.leave();
  await second.until(() => second.closed);
  expect(test1.failures).toEqual([]);
});

test("a visitor who does not read holds the app back", async () => {
  let written = 0;
  const server = createServer((_request, response) => {
    const piece = Buffer.alloc(64 * 1024);
    const write = () => {
      while (written < 64 * 1024 * 1024 && response.write(piece)) written += piece.length;
    };
    response.on("drain", write);
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // listens on TCP
  const visitor = visit(startGateway(), appShare(port), { credit: 64 * 1024 });
  visitor.send(requestText({}));
  await visitor.until(() => visitor.received === 64 * 1024);
  await new Promise((resolve) => setTimeout(resolve, 50));
  // What kernel and one read hold, not what the app has.
  expect(written).toBeLessThan(32 * 1024 * 1024);
  visitor.leave();
  server.closeAllConnections();
  server.close();
});

test("200 MB down and 200 MB up pass through without staying", async () => {
  const total = 200 * 1024 * 1024;
  let uploaded = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { left: 0, head: false };
      },
      data(socket: Bun.Socket<{ left: number; head: boolean }>, bytes: Buffer) {
        if (bytes.subarray(0, 3).toString() === "GET") {
          socket.data.left = total;
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
          return pour(socket);
        }
        const headEnd = socket.data.head ? 0 : bytes.indexOf("\r\n\r\n") + 4;
        socket.data.head = true;
        uploaded += bytes.length - headEnd;
        if (uploaded >= total) socket.write(OK);
      },
      drain: (socket: Bun.Socket<{ left: number; head: boolean }>) => pour(socket),
    },
  });
  const piece = Buffer.alloc(256 * 1024, 7);
  // Looked at eight times in each direction. Resident memory would also count what the collector has yet to take.
  // What counts is the rise above the least so far: the garbage of earlier tests may still fall away meanwhile.
  let least = liveBytes();
  let rise = 0;
  let looks = 0;
  const look = (left: number): void => {
    if (left % (total / 8) >= piece.length) return;
    const now = liveBytes();
    rise = Math.max(rise, now - least);
    least = Math.min(least, now);
    looks += 1;
  };
  const pour = (socket: Bun.Socket<{ left: number; head: boolean }>) => {
    while (socket.data.left > 0) {
      const taken = socket.write(piece.subarray(0, Math.min(piece.length, socket.data.left)));
      if (taken <= 0) return;
      socket.data.left -= taken;
      look(socket.data.left);
    }
  };
  const test1 = startGateway();
  const down = visit(test1, appShare(server.port));
  down.keeps = false;
  down.send(requestText({}));
  await down.over();
  expect(down.fin).toMatchObject({ status: 200, length: total });

  const up = visit(test1, appShare(server.port));
  up.send(requestText({ method: "PUT", headers: { "Content-Length": `${total}` } }));
  for (let sent = 0; sent < total; sent += piece.length) {
    while (up.paused) await new Promise((resolve) => setImmediate(resolve));
    up.send(piece);
    look(total - sent);
  }
  await up.over();
  expect(readTold(up).status).toBe(200);
  expect(uploaded).toBe(total);
  expect(looks).toBeGreaterThanOrEqual(16);
  expect(rise).toBeLessThan(32 * 1024 * 1024);
  server.stop(true);
}, 20_000);
