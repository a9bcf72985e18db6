import { expect, test } from "bun:test";
import { answersWith, rawApp } from "./app.fixture.ts";
import {
  appShare,
  ask,
  HOST,
  PASSWORD,
  readTold,
  requestText,
  startGateway,
  visit,
} from "./gateway.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
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

test("only an app with a command is said to be started and read by muster", async () => {
  const hintOf = async (hasCommand: boolean): Promise<string> => {
    const share = appShare(1, { hasCommand });
    const told = await ask(startGateway(), share, { headers: { Accept: "application/json" } });
    return String(JSON.parse(told.body.toString()).error.hint);
  };
  expect(await hintOf(true)).toContain("muster start shop");
  expect(await hintOf(false)).toBe("Its owner can start the program that serves port 1.");
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
