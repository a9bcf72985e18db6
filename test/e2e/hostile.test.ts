// The attacker in the suite: malformed, oversized, slow, forged. Everything is refused at the hub, nothing of
// it reaches a device or an app, and honest visitors notice nothing.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseKeyFile, signerOf } from "../../src/identity/keys.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { FRAME } from "../../src/trunk/frame.ts";
import { app, pairs, type Echo } from "./app.ts";
import { Home, memoryOf, portOf, type Json, type StartFacts } from "./harness.ts";
import { crypto, registration } from "./registration.ts";
import { smuggled, SMUGGLING } from "./smuggling.ts";
import { TrunkWire } from "./trunk-wire.ts";
import { within } from "./until.ts";
import { ask, field, text, Wire } from "./wire.ts";

const KIB = 1024;

let home: Home;
let facts: StartFacts;
let port: number;
let url: string;
let host: string;
let closed: { url: string; password: string };
/** Begun at once, since the hub waits for both as long as it says. */
let slow: { head: Promise<number>; unproven: Promise<number> };

beforeAll(async () => {
  home = new Home();
  facts = await home.start();
  port = portOf(facts.hub_url);
  url = (await home.add(String((await app(home)).port), "--public", "--name", "app")).url;
  host = new URL(url).host;
  home.write("outside.txt", "the secret outside");
  home.write("closed/index.html", "inside");
  const added = await home.add("closed", "--password", "open sesame");
  closed = { url: added.url, password: "open sesame" };
  slow = { head: slowHead(), unproven: unproven() };
});
afterAll(() => home[Symbol.asyncDispose]());

// Whatever was tried: the hub still stands, and the app was never asked for what hid inside.
afterEach(async () => {
  expect((await ask(`${url}part`)).status).toBe(200);
  expect(text(await ask(`${url}seen?path=/smuggled`))).toBe("0");
});

describe("requests that two parsers could read in two ways", () => {
  test.each(SMUGGLING)("%s: refused, and the connection ends", async (_, request) => {
    await using wire = await Wire.connect(port);
    await wire.write(request({ host, port }) + smuggled(host));
    const answer = await wire.answer();
    expect(answer.status).toBeWithin(400, 506);
    expect(answer.status).not.toBe(404);
    expect(await wire.some()).toBeUndefined();
  });

  test("a method that means something to proxies, or nothing, is 400 or 405", async () => {
    for (const method of ["TRACE", "SPAM", "get"]) {
      await using wire = await Wire.connect(port);
      await wire.write(`${method} / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect([400, 405, 501]).toContain((await wire.answer()).status);
    }
  });

  test.each([
    ["a size that is no number", "zz\r\nhello\r\n"],
    ["a size with a sign", "+5\r\nhello\r\n"],
    ["a size with a prefix", "0x5\r\nhello\r\n"],
    ["a size beyond numbers", "ffffffffffffffffff\r\n"],
    ["a chunk that is longer than it says", "3\r\nhello\r\n"],
    ["a chunk that ends in LF", "5\r\nhello\n"],
    ["a size line that ends in LF", "5\nhello\r\n"],
    ["a size line without end", `5;${"x".repeat(8 * KIB)}`],
    ["forbidden trailers", "0\r\nContent-Length: 5\r\n\r\n"],
  ])("a chunked body with %s never counts as whole", async (_, body) => {
    await using wire = await Wire.connect(port);
    await wire.write(
      `POST /echo HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n${body}${smuggled(host)}`,
    );
    const answer = await wire.answer().catch(() => undefined);
    // Either a refusal, or nothing at all: the app must not have answered a body that it did not get.
    if (answer !== undefined) expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await wire.some()).toBeUndefined();
  });
});

describe("too much", () => {
  test.each<[string, () => string, number[]]>([
    ["101 fields", () => `GET / HTTP/1.1\r\nHost: ${host}\r\n${"X-A: 1\r\n".repeat(101)}\r\n`, [400, 431]],
    [
      "a head of 40 KiB",
      () => `GET / HTTP/1.1\r\nHost: ${host}\r\nX-A: ${"x".repeat(40 * KIB)}\r\n\r\n`,
      [400, 431],
    ],
    [
      "a target of 40 KiB",
      () => `GET /${"x".repeat(40 * KIB)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      [400, 414, 431],
    ],
    [
      "a field name of 40 KiB",
      () => `GET / HTTP/1.1\r\nHost: ${host}\r\n${"x".repeat(40 * KIB)}`,
      [400, 431],
    ],
  ])("%s: refused and closed", async (_, request, statuses) => {
    await using wire = await Wire.connect(port);
    await wire.write(request());
    expect(statuses).toContain((await wire.answer()).status);
    expect(await wire.some()).toBeUndefined();
  });

  test("a head that never ends does not fill the memory", async () => {
    const before = memoryOf(facts.pid);
    await using wire = await Wire.connect(port);
    await wire.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n`);
    const field = `X-A: ${"x".repeat(1000)}\r\n`.repeat(64);
    for (let sent = 0; sent < 50 && !wire.socket.destroyed; sent++)
      await within(5_000, "a write", wire.write(field));
    expect((memoryOf(facts.pid) - before) / KIB / KIB).toBeLessThan(40);
  });

  test("a head that trickles in is cut after ten seconds", async () => {
    expect(await slow.head).toBeWithin(8_000, 14_000);
  }, 30_000);

  test("a connection that does not say who it is is closed after five seconds, on /trunk and on /ws", async () => {
    expect(await slow.unproven).toBeWithin(4_000, 8_000);
  }, 30_000);
});

describe("forged", () => {
  test("the app sees the visitor that the hub saw, whatever the visitor claims", async () => {
    const headers = {
      "x-forwarded-for": "6.6.6.6",
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      "x-forwarded-port": "666",
      "x-real-ip": "6.6.6.6",
      forwarded: "for=6.6.6.6",
      "muster-visitor": "6.6.6.6",
      "muster-request-id": "forged",
      "muster-anything": "6.6.6.6",
    };
    const { rawHeaders } = JSON.parse(text(await ask(`${url}echo`, { headers }))) as Echo;
    const seen = pairs(rawHeaders);
    expect(JSON.stringify(seen)).not.toMatch(/6\.6\.6\.6|evil|forged|666|https/);
    expect(seen).toContainEqual(["x-forwarded-for", "127.0.0.1"]);
    expect(seen).toContainEqual(["x-forwarded-host", host]);
    expect(seen).toContainEqual(["x-forwarded-proto", "http"]);
  });

  test("names with underscores do not stand in for ours", async () => {
    const { rawHeaders } = JSON.parse(
      text(await ask(`${url}echo`, { headers: { x_forwarded_for: "6.6.6.6" } })),
    ) as Echo;
    expect(
      pairs(rawHeaders).filter(([name]) => name.replaceAll("_", "-") === "x-forwarded-for"),
    ).toHaveLength(1);
  });

  test("an app's answer cannot set a cookie for all of the hub's hosts", async () => {
    const set = (await ask(`${url}cookies`)).fields.get("set-cookie") ?? [];
    expect(set.join()).not.toMatch(/domain/i);
  });

  test("our own paths of a share are no way in", async () => {
    const proof = await ask(`${closed.url}.muster/proof?nonce=x`);
    expect(text(proof)).not.toContain("inside");
    for (const path of [".muster/", ".muster/../", ".muster/proof/../index.html", ".muster/ticket"]) {
      expect((await ask(closed.url + path)).status).not.toBe(200);
    }
  });
});

describe("paths, raw on the wire", () => {
  const paths = [
    "/../outside.txt",
    "/x/../../outside.txt",
    "/..%2foutside.txt",
    "/%2e%2e/outside.txt",
    "/%2e%2e%2foutside.txt",
    "/..%5coutside.txt",
    "/..\\outside.txt",
    "/%252e%252e/outside.txt",
    "/%c0%ae%c0%ae/outside.txt",
    "//outside.txt",
    "/./../outside.txt",
    "/index.html%00.txt",
    "/index.html/../../outside.txt",
    "/link.txt",
    "/link/outside.txt",
  ];

  test("nothing outside the folder is served, by no spelling and through no link", async () => {
    home.write("open/index.html", "inside");
    const { symlinkSync } = await import("node:fs");
    symlinkSync(join(home.folder, "outside.txt"), join(home.folder, "open", "link.txt"));
    symlinkSync(home.folder, join(home.folder, "open", "link"));
    const open = await home.add("open", "--public");
    for (const path of paths) {
      await using wire = await Wire.connect(port);
      await wire.write(
        `GET ${path} HTTP/1.1\r\nHost: ${new URL(open.url).host}\r\nConnection: close\r\n\r\n`,
      );
      const answer = await wire.answer();
      expect([path, answer.status >= 400, text(answer).includes("secret outside")]).toEqual([
        path,
        true,
        false,
      ]);
    }
  });
});

describe("passwords", () => {
  test("after five wrong ones the visitor waits, even with the right one; another share is not touched", async () => {
    home.write("tried/index.html", "tried");
    const { url: tried } = await home.add("tried", "--password", "right");
    const guess = (password: string) => ask(tried, { headers: { "muster-password": password } });
    const statuses: number[] = [];
    for (let count = 0; count < 6; count++) statuses.push((await guess(`guess ${count}`)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    const late = await guess("right");
    expect([late.status, Number(field(late, "retry-after")) > 0]).toEqual([429, true]);
    // Forwarded addresses buy nothing.
    const forged = await ask(tried, {
      headers: { "muster-password": "guess", "x-forwarded-for": "6.6.6.6" },
    });
    expect(forged.status).toBe(429);
    expect((await ask(closed.url, { headers: { "muster-password": closed.password } })).status).toBe(200);
  });

  test("a burst at once gets no more tries than one after the other", async () => {
    home.write("burst/index.html", "burst");
    const { url: burst } = await home.add("burst", "--password", "right");
    const statuses = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, at) => (await ask(burst, { headers: { "muster-password": `${at}` } })).status,
      ),
    );
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(5);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
  });

  test("other origins and other sites can neither script nor socket their way in", async () => {
    const headers = { "muster-password": closed.password };
    const cross = await ask(closed.url, {
      headers: { ...headers, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" },
    });
    expect(cross.status).toBe(403);
    const socket = await ask(closed.url, {
      headers: {
        ...headers,
        connection: "Upgrade",
        upgrade: "websocket",
        origin: "http://evil.localhost",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-version": "13",
      },
    });
    expect(socket.status).toBe(403);
  });
});

describe("who is no device", () => {
  const owner = () => signerOf(crypto, parseKeyFile(readFileSync(join(home.path, "identity"), "utf8")));

  test.each<[string, Json, string]>([
    ["no JSON", "{", "protocol_error"],
    ["no message", "[]", "protocol_error"],
    ["a type of its own", { type: "take_over" }, "unknown_message"],
    ["a message too early", { type: "fleet_get", id: "1" }, "protocol_error"],
    ["a registration without its fields", { type: "register" }, "protocol_error"],
    ["a message 40 levels deep", `${"[".repeat(40)}${"]".repeat(40)}`, "protocol_error"],
  ])("%s ends the trunk with a code", async (_, message, code) => {
    await using trunk = await TrunkWire.open(port);
    expect((await trunk.next()).type).toBe("hello");
    await trunk.message(message);
    expect(await trunk.refusal()).toBe(code);
  });

  test("a key that nobody enrolled is refused", async () => {
    await using trunk = await TrunkWire.open(port);
    const stranger = crypto.ed25519Signer(crypto.randomBytes(32));
    await trunk.message(await registration(await trunk.next(), stranger, { port }));
    expect(await trunk.refusal()).toBe("forbidden");
  });

  test("the key of a device with another's signature is refused, and the device stays connected", async () => {
    const before = await home.ok(["status"]);
    await using trunk = await TrunkWire.open(port);
    const message = await registration(await trunk.next(), crypto.ed25519Signer(crypto.randomBytes(32)), {
      port,
    });
    await trunk.message({ ...message, public_key: toBase64Url(owner().publicKey) });
    expect(await trunk.refusal()).toBe("bad_signature");
    expect((await home.ok(["status"])).hub).toEqual(before.hub);
  });

  test("a true registration that was recorded opens nothing a second time", async () => {
    await using first = await TrunkWire.open(port);
    const recorded = await registration(await first.next(), owner(), { port, session: 0 });
    await using second = await TrunkWire.open(port);
    await second.next();
    await second.message(recorded);
    expect(await second.refusal()).toBe("bad_signature");
  });

  test("a message above 256 KiB, a frame above its bound, and a frame of no type end the trunk", async () => {
    for (const send of [
      (trunk: TrunkWire) => trunk.message(" ".repeat(300 * KIB)),
      (trunk: TrunkWire) => trunk.frame(FRAME.data, 1, new Uint8Array(65 * KIB)),
      (trunk: TrunkWire) => trunk.frame(FRAME.ping, 0, new Uint8Array(9)),
      (trunk: TrunkWire) => trunk.frame(99, 0, new Uint8Array(1)),
      (trunk: TrunkWire) => trunk.frame(FRAME.data, 7, new Uint8Array(1)),
    ]) {
      await using trunk = await TrunkWire.open(port);
      await trunk.next();
      await send(trunk);
      await within(3_000, "the end of the trunk", trunk.refusal());
    }
  });

  test("on /ws too: nonsense, oversized and unknown messages end the connection", async () => {
    for (const message of [
      "{",
      " ".repeat(300 * KIB),
      JSON.stringify({ type: "take_over" }),
      new Uint8Array([1, 2, 3]),
    ]) {
      const socket = new WebSocket(`ws://localhost:${port}/ws`);
      const ended = new Promise<void>((resolve) => {
        socket.addEventListener("close", () => resolve());
        socket.addEventListener("error", () => resolve());
      });
      socket.addEventListener("open", () => socket.send(message));
      await within(4_000, "the end of the socket", ended);
    }
  });

  test("a page of another origin gets no /ws", async () => {
    const answer = await ask(`http://localhost:${port}/ws`, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        origin: "http://evil.example",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-version": "13",
      },
    });
    expect(answer.status).toBeWithin(400, 500);
  });
});

describe("the agent's own API", () => {
  test("takes nothing without its token, from a page, under another Host, or through the hub", async () => {
    const { port: local } = JSON.parse(readFileSync(join(home.path, "agent.json"), "utf8")) as {
      port: number;
    };
    const api = `http://127.0.0.1:${local}/api/status`;
    const token = readFileSync(join(home.path, "token"), "utf8").trim();
    const json = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const call = (headers: Record<string, string>) => ask(api, { method: "POST", headers, body: "{}" });
    expect((await call(json)).status).toBe(200);
    expect((await call({ "content-type": "application/json" })).status).toBe(401);
    for (const bad of [
      { ...json, origin: "http://127.0.0.1" },
      { ...json, referer: "http://evil.example/" },
      { ...json, host: `evil.example:${local}` },
      { ...json, host: `app.localhost:${local}` },
      { ...json, "content-type": "text/plain" },
    ]) {
      expect((await call(bad)).status).toBeWithin(400, 500);
    }
  });
});

/** How long the hub waits for a head that comes one byte at a time. */
async function slowHead(): Promise<number> {
  const began = performance.now();
  const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.connect(port)));
  const trickle = setInterval(() => {
    for (const wire of wires) void wire.write("x");
  }, 500);
  await Promise.all(wires.map((wire) => wire.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `)));
  await Promise.all(wires.map((wire) => wire.rest()));
  clearInterval(trickle);
  return performance.now() - began;
}

async function unproven(): Promise<number> {
  const began = performance.now();
  const socket = new WebSocket(`ws://localhost:${port}/ws`);
  const ended = new Promise<void>((resolve) => {
    socket.addEventListener("close", () => resolve());
  });
  await using trunk = await TrunkWire.open(port);
  await Promise.all([trunk.refusal(), ended]);
  return performance.now() - began;
}
