import { expect, test } from "bun:test";
import { answersWith, rawApp } from "./app.fixture.ts";
import {
  appShare,
  ask,
  HOST,
  openFor,
  readTold,
  requestText,
  startGateway,
  Visitor,
} from "./gateway.fixture.ts";
import type { AppTarget } from "./share-target.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function linesOf(head: string): string[] {
  return head.slice(0, head.indexOf("\r\n\r\n")).split("\r\n");
}

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

/** A connection of a tunnel that carries this share as "a.example", with one request. */
function speakByTunnel(share: AppTarget, host: string, headers: Record<string, string>): Visitor {
  const shareAt = (asked: string) => (asked === "a.example" ? share : undefined);
  const visitor = new Visitor();
  const socket = Object.assign(visitor, {
    remoteAddress: "127.0.0.1",
    localAddress: "127.0.0.1",
    tls: false,
    channelBinding: () => new Uint8Array(),
    finish: () => {},
  });
  const events = startGateway().gateway.acceptSocket(socket, { link: "quick", shareAt });
  visitor.begin({ ...bound(events), end: () => events.end() });
  visitor.send(requestText({ headers, open: openFor({ host }) }));
  return visitor;
}

test("who says to have come to a tunnel in the clear is asked for no password", async () => {
  const share = appShare(1, { access: "password", passwordVerifier: "x" });
  const statusOf = async (said: string): Promise<number> => {
    const visitor = speakByTunnel(share, "a.example", { "X-Forwarded-Proto": said });
    await visitor.until(() => visitor.received > 0);
    return readTold(visitor).status;
  };
  expect(await statusOf("https")).toBe(401);
  expect(await statusOf("http")).toBe(403);
});

test("a tunnel's socket answers for its own hosts alone and believes no header", async () => {
  await using app = await rawApp();
  const share = appShare(app.port);
  const speak = (host: string) => speakByTunnel(share, host, { "X-Forwarded-For": "6.6.6.6" });
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
