// Connections that say nothing, or the wrong thing, are closed with a code that says why; others go on.
import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { encodeFrame, FRAME } from "../../src/trunk/frame.ts";
import { Home, hubIn, portOf } from "./harness.ts";
import { within } from "./until.ts";
import { Wire } from "./wire.ts";

const UNPROVEN_SOCKETS = 6;
const REGISTER_TIMEOUT_MS = 5000;

let owner: Home;
let port: number;
beforeAll(async () => {
  owner = new Home();
  mkdirSync(owner.path, { mode: 0o700 });
  await Bun.write(`${owner.path}/muster.toml`, `[limits]\nunproven_sockets = ${UNPROVEN_SOCKETS}\n`);
  port = portOf((await hubIn(owner)).hub_url);
});
afterAll(() => owner[Symbol.asyncDispose]());

/** Opens a WebSocket, says these once greeted, and resolves with the code it was closed with. */
async function closedAfter(...messages: (string | Uint8Array<ArrayBuffer>)[]): Promise<number> {
  const socket = new WebSocket(`ws://localhost:${port}/ws`);
  let greeted = false;
  socket.addEventListener("message", () => {
    if (!greeted) for (const message of messages) socket.send(message);
    greeted = true;
  });
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener("close", ({ code }) => resolve(code)),
  );
  return await within(2 * REGISTER_TIMEOUT_MS, "the WebSocket's end", closed);
}

test("what is no message, no registration or no frame closes with 4400", async () => {
  expect(await closedAfter("no JSON")).toBe(4400);
  expect(await closedAfter('{"type":"fleet_get","id":"1"}')).toBe(4400);
  expect(await closedAfter("[".repeat(100) + "]".repeat(100))).toBe(4400);
  expect(await closedAfter(new Uint8Array(5))).toBe(4400);
  expect(await closedAfter('{"type":"no_such_message"}')).toBe(4400);
});

test("a message that is too large closes with 4413", async () => {
  expect(await closedAfter(JSON.stringify({ type: "register", name: "x".repeat(300_000) }))).toBe(4413);
});

test("who does not register is closed after five seconds: 4503 if it is there at all, 4408 if not", async () => {
  const began = performance.now();
  const alive = new WebSocket(`ws://localhost:${port}/ws`);
  const ping = setInterval(() => alive.send(encodeFrame(FRAME.ping, 0, new Uint8Array(8)).slice()), 1000);
  const code = new Promise<number>((resolve) =>
    alive.addEventListener("close", (event) => resolve(event.code)),
  );
  const silent = closedAfter();
  expect(await within(2 * REGISTER_TIMEOUT_MS, "its end", code)).toBe(4503);
  clearInterval(ping);
  expect(await silent).toBe(4408);
  expect(performance.now() - began).toBeGreaterThan(REGISTER_TIMEOUT_MS - 500);
}, 15_000);

test("one source has so many unproven connections, by trunk or WebSocket, and then waits", async () => {
  const wires: Wire[] = [];
  const statuses: number[] = [];
  for (let count = 0; count < UNPROVEN_SOCKETS + 2; count += 1) {
    const wire = await Wire.connect(port);
    wires.push(wire);
    await wire.write(count % 2 === 0 ? upgrade("/trunk", "muster-trunk/1") : webSocketUpgrade());
    statuses.push((await wire.head()).status);
  }
  expect(statuses).toEqual([...Array.from({ length: UNPROVEN_SOCKETS }, () => 101), 429, 429]);
  // Room is there again as soon as they are gone, and meanwhile the hub answered its visitors.
  for (const wire of wires) await wire[Symbol.asyncDispose]();
  expect(await closedAfter("no JSON")).toBe(4400);
});

function upgrade(path: string, to: string, more = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\n${more}\r\n`;
}

function webSocketUpgrade(): string {
  return upgrade(
    "/ws",
    "websocket",
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
  );
}
