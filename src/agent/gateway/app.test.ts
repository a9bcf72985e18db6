import { expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answersWith, rawApp } from "./app.fixture.ts";
import {
  appShare,
  ask,
  HOST,
  openFor,
  PASSWORD,
  readTold,
  requestText,
  startGateway,
  visit,
  Visitor,
} from "./gateway.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const WEBSOCKET = { Connection: "Upgrade", Upgrade: "websocket" };
const basic = `Basic ${Buffer.from(`any:${PASSWORD}`).toString("base64")}`;

function linesOf(head: string): string[] {
  return head.slice(0, head.indexOf("\r\n\r\n")).split("\r\n");
}

test("the app sees who asked as the hub says it, and nothing of what is forged or ours", async () => {
  await using app = await rawApp();
  const asked = visit(startGateway(), appShare(app.port));
  asked.send(
    [
      "GET /a/../b%2f?q=1 HTTP/1.1",
      `Host: ${HOST}`,
      "X-Forwarded-For: 6.6.6.6",
      "X-Forwarded-Proto: gopher",
      "Forwarded: for=6.6.6.6",
      "X-Real-IP: 6.6.6.6",
      "Muster-Request-Id: forged",
      "Muster-Password: secret",
      "Cookie: a=1; __Host-muster-share=secret; b=2",
      "Cookie: muster-nonce=secret",
      "Authorization: Bearer app",
      "Connection: keep-alive, X-Private",
      "X-Private: 1",
      "Keep-Alive: timeout=5",
      "X-Twice: 1",
      "X-Twice: 2",
      "\r\n",
    ].join("\r\n"),
  );
  const connection = await app.connection(0);
  await connection.head();
  expect(linesOf(connection.text)).toEqual([
    "GET /a/../b%2f?q=1 HTTP/1.1",
    `Host: ${HOST}`,
    "Cookie: a=1; b=2",
    "Authorization: Bearer app",
    "X-Twice: 1",
    "X-Twice: 2",
    "X-Forwarded-For: 203.0.113.7",
    "X-Forwarded-Proto: https",
    `X-Forwarded-Host: ${HOST}`,
    `Forwarded: for=203.0.113.7;host="${HOST}";proto=https`,
    "Muster-Request-Id: req-1",
  ]);
});

test("our password ends at the gateway, the app's own credentials pass", async () => {
  await using app = await rawApp(answersWith(OK));
  const seen: string[] = [];
  const gateway = startGateway();
  const share = appShare(app.port, { access: "password" });
  const send = async (headers: Record<string, string>) => {
    const visitor = visit(gateway, share);
    visitor.send(requestText({ headers }));
    await visitor.over();
    return readTold(visitor).status;
  };
  await using spy = await rawApp((connection) => {
    if (!connection.text.includes("\r\n\r\n")) return;
    seen.push(connection.text.toLowerCase());
    connection.forgetText();
    connection.send(OK);
  });
  Object.assign(share, { port: spy.port });
  const appsOwn = `Basic ${Buffer.from("admin:other").toString("base64")}`;
  expect(await send({ Authorization: basic })).toBe(200);
  expect(await send({ "Muster-Password": PASSWORD, Authorization: appsOwn })).toBe(200);
  expect(await send({ "Muster-Password": PASSWORD, Authorization: basic })).toBe(200);
  expect(await send({ "Muster-Password": PASSWORD, Authorization: "Bearer x" })).toBe(200);
  expect(seen.map((head) => /authorization: (\w+)/.exec(head)?.[1])).toEqual([
    undefined,
    "basic",
    undefined,
    "bearer",
  ]);
  for (const head of seen) expect(head).not.toContain("muster-password");
});

test("--rewrite-host: the app is its own localhost, and still told the real host", async () => {
  await using app = await rawApp();
  visit(startGateway(), appShare(app.port, { rewriteHost: true })).send(requestText({}));
  const connection = await app.connection(0);
  await connection.head();
  expect(linesOf(connection.text)).toContain(`Host: localhost:${app.port}`);
  expect(linesOf(connection.text)).toContain(`X-Forwarded-Host: ${HOST}`);
});

test("a response loses what was for one hop and the Domain of its cookies", async () => {
  await using app = await rawApp(
    answersWith(
      "HTTP/1.1 200 Fine\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n" +
        "Set-Cookie: a=1; Domain=.example.com; Path=/\r\nSet-Cookie: b=2; HttpOnly\r\nContent-Length: 2\r\n\r\nok",
    ),
  );
  const visitor = visit(startGateway(), appShare(app.port));
  visitor.send(requestText({}));
  await visitor.over();
  expect(visitor.text()).toBe(
    "HTTP/1.1 200 Fine\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; HttpOnly\r\nContent-Length: 2\r\n" +
      "Connection: keep-alive\r\n\r\nok",
  );
  expect(visitor.fin).toMatchObject({ status: 200, length: 2, close: false });
});

test("nothing listens: 502 that names the app as the broken hop", async () => {
  const told = await ask(startGateway(), appShare(1), { headers: { Accept: "application/json" } });
  expect(told.status).toBe(502);
  expect(JSON.parse(told.body.toString()).error).toMatchObject({
    code: "app_refused",
    hop: "app",
    request_id: "req-1",
  });
  expect(told.headers["cache-control"]).toBe("no-store");
  expect((await ask(startGateway(), appShare(1), { method: "POST", body: "x" })).status).toBe(502);
});

test("an app that listens on ::1 alone is found", async () => {
  await using app = await rawApp(answersWith(OK), "::1");
  const gateway = startGateway();
  expect((await ask(gateway, appShare(app.port))).body.toString()).toBe("ok");
  expect((await ask(gateway, appShare(app.port), { method: "POST", body: "x" })).status).toBe(200);
});

test("30 s without a byte: 504, and the app's connection is not used again", async () => {
  await using app = await rawApp();
  const test1 = startGateway();
  const visitor = visit(test1, appShare(app.port));
  visitor.send(requestText({}));
  const connection = await app.connection(0);
  await connection.head();
  test1.time.advance(29_000);
  expect(visitor.received).toBe(0);
  test1.time.advance(2_000);
  await visitor.over();
  expect(readTold(visitor).status).toBe(504);
  expect(visitor.fin?.status).toBe(504);
  await connection.until(() => connection.closed);
});

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

test.each([
  ["of known length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
])("a body %s that breaks off cuts the visitor's connection", async (_how, text) => {
  await using app = await rawApp((connection) => {
    if (connection.text.endsWith("\r\n\r\n")) connection.send(text).socket.finish();
  });
  const told = await ask(startGateway(), appShare(app.port));
  expect(told.cut).toBe(true);
  expect(told.fin).toBeUndefined();
});

test.each([
  ["nothing", ""],
  ["half a head", "HTTP/1.1 200 OK\r\nContent-"],
  ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"],
  [
    "length and chunks",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["malformed chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfX\r\n0\r\n\r\n"],
  ["a 101 nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"],
])("an app that answers %s is a 502", async (_what, text) => {
  await using app = await rawApp((connection) => {
    if (connection.text.endsWith("\r\n\r\n")) connection.send(text).socket.finish();
  });
  const told = await ask(startGateway(), appShare(app.port), { headers: { Accept: "application/json" } });
  expect(told.status).toBe(502);
  expect(JSON.parse(told.body.toString()).error.code).toBe("app_broken");
});

test("an app that speaks before it is asked is no HTTP server", async () => {
  await using app = await rawApp();
  const told = ask(startGateway(), appShare(app.port));
  (await app.connection(0)).send("220 mail.example ESMTP\r\n\r\n");
  expect((await told).status).toBe(502);
});

test.each([
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
])("HEAD is answered without a body (%j)", async (head) => {
  await using app = await rawApp(answersWith(head));
  const test1 = startGateway();
  for (let round = 0; round < 2; round++) {
    const told = await ask(test1, appShare(app.port), { method: "HEAD" });
    expect(told.status).toBe(200);
    expect(told.body.length).toBe(0);
    expect(told.fin?.length).toBe(0);
  }
  expect(app.connections.length).toBe(1);
});

test.each([204, 304])("a %i has no body and keeps its fields", async (status) => {
  await using app = await rawApp(answersWith(`HTTP/1.1 ${status} X\r\nETag: "a"\r\n\r\n`));
  const told = await ask(startGateway(), appShare(app.port));
  expect(told.status).toBe(status);
  expect(told.headers["etag"]).toBe('"a"');
});

test("a response that ends by closing says so to visitor and hub", async () => {
  await using app = await rawApp((connection) => {
    if (connection.text.endsWith("\r\n\r\n"))
      connection.send("HTTP/1.0 200 OK\r\n\r\nall of it").socket.finish();
  });
  const told = await ask(startGateway(), appShare(app.port));
  expect(told.headers["connection"]).toBe("close");
  expect(told.body.toString()).toBe("all of it");
  expect(told.fin).toMatchObject({ status: 200, length: 9, close: true });
});

test("a visitor whose connection ends anyway is told close", async () => {
  await using app = await rawApp(answersWith(OK));
  const told = await ask(startGateway(), appShare(app.port), { open: { visitorCloses: true } });
  expect(told.headers["connection"]).toBe("close");
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

test("connections are kept for the next request of the same share, never for another's", async () => {
  await using app = await rawApp(answersWith(OK));
  const test1 = startGateway();
  for (let n = 0; n < 5; n++) expect((await ask(test1, appShare(app.port))).status).toBe(200);
  expect(app.connections.length).toBe(1);
  await ask(test1, appShare(app.port, { id: "s2" }));
  expect(app.connections.length).toBe(2);
  const [first] = app.connections;
  test1.time.advance(5_000);
  await first?.until(() => first.closed);
  await ask(test1, appShare(app.port));
  expect(app.connections.length).toBe(3);
  test1.gateway.forget("s1");
  await app.connections[2]?.until(() => app.connections[2]?.closed === true);
});

test("a connection is not kept after bytes nobody asked for", async () => {
  await using app = await rawApp(answersWith(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother`));
  const test1 = startGateway();
  for (let n = 0; n < 3; n++) expect((await ask(test1, appShare(app.port))).body.toString()).toBe("ok");
  expect(app.connections.length).toBe(3);
});

test("a kept connection that closes under a GET is replaced once; nothing else is sent twice", async () => {
  for (const [method, status, connections] of [
    ["GET", 200, 2],
    ["HEAD", 200, 2],
    ["POST", 502, 1],
    ["DELETE", 502, 1],
  ] as const) {
    let requests = 0;
    await using app = await rawApp((connection) => {
      if (!connection.text.includes("\r\n\r\n")) return;
      connection.forgetText();
      requests++;
      if (requests === 2) connection.socket.close();
      else connection.send(method === "HEAD" ? OK.slice(0, -2) : OK);
    });
    const test1 = startGateway();
    await ask(test1, appShare(app.port), { method: method === "HEAD" ? "HEAD" : "GET" }).catch(() => {});
    const told = await ask(test1, appShare(app.port), {
      method,
      ...(method === "POST" ? { body: "x" } : {}),
    });
    expect([method, told.status, app.connections.length]).toEqual([method, status, connections]);
  }
});

test("what can't be sent twice gets a connection that was used a moment ago, or a fresh one", async () => {
  await using app = await rawApp(answersWith(OK));
  const test1 = startGateway();
  await ask(test1, appShare(app.port));
  await ask(test1, appShare(app.port), { method: "DELETE" });
  expect(app.connections.length).toBe(1);
  test1.time.advance(2_000);
  await ask(test1, appShare(app.port));
  expect(app.connections.length).toBe(1);
  test1.time.advance(2_000);
  await ask(test1, appShare(app.port), { method: "DELETE" });
  expect(app.connections.length).toBe(2);
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
  const pour = (socket: Bun.Socket<{ left: number; head: boolean }>) => {
    while (socket.data.left > 0) {
      const taken = socket.write(piece.subarray(0, Math.min(piece.length, socket.data.left)));
      if (taken <= 0) return;
      socket.data.left -= taken;
    }
  };
  const test1 = startGateway();
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  let peak = 0;

  const down = visit(test1, appShare(server.port));
  down.keeps = false;
  down.send(requestText({}));
  await down.over();
  expect(down.fin).toMatchObject({ status: 200, length: total });
  peak = Math.max(peak, process.memoryUsage().rss);

  const up = visit(test1, appShare(server.port));
  up.send(requestText({ method: "PUT", headers: { "Content-Length": `${total}` } }));
  for (let sent = 0; sent < total; sent += piece.length) {
    while (up.paused) await new Promise((resolve) => setImmediate(resolve));
    up.send(piece);
  }
  await up.over();
  expect(readTold(up).status).toBe(200);
  expect(uploaded).toBe(total);
  peak = Math.max(peak, process.memoryUsage().rss);
  expect(peak - before).toBeLessThan(100 * 1024 * 1024);
  server.stop(true);
}, 20_000);

test("a proof is answered without a password, for the nonce, host and link that were asked", async () => {
  await using app = await rawApp(answersWith(OK));
  const test1 = startGateway();
  const share = appShare(app.port, { access: "password" });
  const nonce = "n".repeat(32);
  const proof = async (target: string, open = {}) =>
    JSON.parse((await ask(test1, share, { target, open })).body.toString()) as Record<string, string>;
  const told = await proof(`/.muster/proof?nonce=${nonce}`);
  expect(told).toMatchObject({ nonce, target: "ok" });
  const mac = new Bun.CryptoHasher("sha256", share.proofKey)
    .update(`muster/v1/proof\n${nonce}\n${HOST}\nhub`)
    .digest("base64url");
  expect(told["mac"]).toBe(mac);
  expect((await proof(`/.muster/proof?nonce=${nonce}`, { link: "quick" }))["mac"]).not.toBe(mac);
  expect((await proof(`/.muster/proof?nonce=${nonce}`, { host: "other.example.com" }))["mac"]).not.toBe(mac);
  for (const bad of ["", "?nonce=short", `?nonce=${"n".repeat(87)}`, `?nonce=${"n".repeat(30)}%0a`]) {
    expect((await ask(test1, share, { target: `/.muster/proof${bad}` })).status).toBe(400);
  }
  const down = appShare(1, { id: "s3" });
  const refused = await ask(test1, down, { target: `/.muster/proof?nonce=${nonce}` });
  expect(JSON.parse(refused.body.toString()).target).toBe("refused");
});

test("strangers who ask for proofs do not hammer the app", async () => {
  await using app = await rawApp();
  const test1 = startGateway();
  const target = `/.muster/proof?nonce=${"n".repeat(32)}`;
  await Promise.all(Array.from({ length: 50 }, () => ask(test1, appShare(app.port), { target })));
  expect(app.connections.length).toBe(1);
  test1.time.advance(1_000);
  await ask(test1, appShare(app.port), { target });
  expect(app.connections.length).toBe(2);
});

test("each response is counted once, with its status and length", async () => {
  await using app = await rawApp(answersWith(OK));
  const served: unknown[][] = [];
  const test1 = startGateway({
    counters: { served: (share, response) => served.push([share.id, response.status, response.length]) },
  });
  await ask(test1, appShare(app.port));
  await ask(test1, appShare(1, { id: "s2" }));
  expect(served[0]).toEqual(["s1", 200, 2]);
  expect(served[1]?.slice(0, 2)).toEqual(["s2", 502]);
  expect(served.length).toBe(2);
});

test("a tunnel's socket answers for its own hosts alone and believes no header", async () => {
  await using app = await rawApp();
  const test1 = startGateway();
  const share = appShare(app.port);
  const way = { share: () => share, link: "quick", hosts: () => ["a.example"] } as const;
  const speak = (host: string) => {
    const visitor = new Visitor();
    const socket = Object.assign(visitor, {
      remoteAddress: "127.0.0.1",
      localAddress: "127.0.0.1",
      tls: false,
      channelBinding: () => new Uint8Array(),
    });
    const events = test1.gateway.acceptSocket(Object.assign(socket, { finish: () => {} }), way);
    visitor.begin({ ...bound(events), end: () => events.end() });
    visitor.send(requestText({ headers: { "X-Forwarded-For": "6.6.6.6" }, open: openFor({ host }) }));
    return visitor;
  };
  const other = speak("b.example");
  await other.until(() => other.received > 0);
  expect(readTold(other).status).toBe(404);
  speak("A.example");
  const connection = await app.connection(0);
  await connection.head();
  expect(linesOf(connection.text)).toContain("X-Forwarded-For: 127.0.0.1");
});

function bound(events: { data(bytes: Uint8Array): void; drain(): void; close(): void }) {
  return {
    data: (bytes: Uint8Array) => events.data(bytes),
    drain: () => events.drain(),
    close: () => events.close(),
  };
}
