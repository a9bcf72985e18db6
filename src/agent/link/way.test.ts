import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import { utf8 } from "../../protocol/bytes.ts";
import { FakeTime } from "../../trunk/testing.ts";
import type { Network, Socket, WebSocketEvents, WebSocketPeer } from "../../world/world.ts";
import { dialHub, TRUNK_AGAIN_EVERY, WayMemory } from "./way.ts";

const DIAL = { address: { url: "http://hub.test" }, timeoutMs: 5000 };
const STRIPPED = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: muster-trunk/1\r\n\r\n";

/** A hub behind a box: what it answers to GET /trunk, and whether it takes WebSockets. */
function world(box: { answer: string; webSockets: boolean }) {
  const tried: string[] = [];
  const network = {
    connect({ connected }) {
      tried.push("trunk");
      const socket = quietSocket();
      const events = connected(socket);
      queueMicrotask(() => events.data(utf8(box.answer)));
      return Promise.resolve(socket);
    },
    webSocket(url, { opened }) {
      tried.push(url);
      if (!box.webSockets) return Promise.reject(new Error("no WebSocket"));
      opened(quietPeer());
      return Promise.resolve();
    },
  } satisfies Pick<Network, "connect" | "webSocket">;
  // Nothing else of the network is used by a dial.
  return { tried, world: { network: network as unknown as Network, timers: new FakeTime() } };
}

test("what strips the upgrade is passed by WebSocket", async () => {
  const { tried, world: dialled } = world({ answer: STRIPPED, webSockets: true });
  const { way, binding } = await dialHub(dialled, DIAL, new WayMemory());
  expect(way).toBe("web_socket");
  expect(binding).toHaveLength(0);
  expect(tried).toEqual(["trunk", "ws://hub.test/ws"]);
});

test("what worked is dialled first, and the trunk again now and then", async () => {
  const box = { answer: STRIPPED, webSockets: true };
  const { tried, world: dialled } = world(box);
  const ways = new WayMemory();
  for (let dial = 0; dial <= TRUNK_AGAIN_EVERY; dial += 1)
    ways.worked((await dialHub(dialled, DIAL, ways)).way);
  expect(tried.filter((each) => each === "trunk")).toHaveLength(2);
  box.answer = SWITCHED;
  for (let dial = 0; dial < TRUNK_AGAIN_EVERY; dial += 1)
    ways.worked((await dialHub(dialled, DIAL, ways)).way);
  expect(ways.next()).toBe("trunk");
});

test("where neither works the trunk's reason is told", async () => {
  const { world: dialled } = world({ answer: STRIPPED, webSockets: false });
  const refused = await dialHub(dialled, DIAL, new WayMemory()).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "unavailable", message: expect.stringContaining("426") });
});

test("a WebSocket that no longer works is forgotten", async () => {
  const box = { answer: STRIPPED, webSockets: true };
  const { world: dialled } = world(box);
  const ways = new WayMemory();
  ways.worked("web_socket");
  box.webSockets = false;
  await dialHub(dialled, DIAL, ways).catch(() => {});
  expect(ways.next()).toBe("trunk");
});

test("a hub that is full or not ready is not asked by another way", async () => {
  for (const [answer, code] of [
    ["HTTP/1.1 429 Too Many Requests\r\n\r\n", "too_many"],
    ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "hub_unreachable"],
  ] as const) {
    const { tried, world: dialled } = world({ answer, webSockets: true });
    const refused = await dialHub(dialled, DIAL, new WayMemory()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code });
    expect(tried).toEqual(["trunk"]);
  }
});

test("what comes before its reader is kept, up to a bound, and an early end is told", async () => {
  let peer: WebSocketEvents | undefined;
  let closed = false;
  const network = {
    connect: () => Promise.reject(new MusterError("unavailable", "no trunk")),
    webSocket(_url: string, { opened }: { opened(peer: WebSocketPeer): WebSocketEvents }) {
      peer = opened({ ...quietPeer(), close: () => (closed = true) });
      return Promise.resolve();
    },
  } as unknown as Network; // nothing else of it is used
  const dial = () => dialHub({ network, timers: new FakeTime() }, DIAL, new WayMemory());
  const first = await dial();
  peer?.message("early");
  const heard: Uint8Array[] = [];
  let ended = false;
  const events = {
    data: (bytes: Uint8Array) => void heard.push(bytes),
    drain() {},
    end() {},
    close: () => (ended = true),
  };
  first.take(events);
  expect(heard).toHaveLength(1);
  const second = await dial();
  peer?.close();
  second.take(events);
  expect(ended).toBe(true);
  await dial();
  for (let count = 0; count < 100; count += 1) peer?.message("flood");
  expect(closed).toBe(true);
});

function quietSocket(): Socket {
  return {
    remoteAddress: "192.0.2.1",
    localAddress: "192.0.2.2",
    tls: false,
    write: (bytes) => bytes.length,
    pause() {},
    resume() {},
    shutdown() {},
    finish() {},
    close() {},
    channelBinding: () => new Uint8Array(0),
  };
}

function quietPeer(): WebSocketPeer {
  return { send: () => 1, bufferedAmount: 0, close() {} };
}
