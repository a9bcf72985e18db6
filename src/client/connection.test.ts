import { expect, test } from "bun:test";
import { MusterError } from "../protocol/errors.ts";
import type { HubMessage, HubToClient } from "../protocol/messages.ts";
import { backOffMs } from "./back-off.ts";
import { connect, type Connection, type ConnectionState, type Prove } from "./connection.ts";
import { FakeSocket, FakeWorld, settle } from "./fakes.fixture.ts";

const HELLO = { type: "hello", protocol: [1], hub_key: "", nonce: "", version: "0.1.0" } as const;
const REGISTERED: HubMessage<"registered"> = {
  type: "registered",
  device_id: "d",
  name: "n",
  hostname: "",
  hub_url: "http://localhost:8080",
  signature: "good",
};
const FLEET = { hub: { url: "", id: "", version: "" }, devices: [], shares: [] };

const prove: Prove = async () => ({
  register: {
    type: "register",
    session_kind: "person",
    protocol: 1,
    public_key: "",
    nonce: "",
    session: 0,
    dialled: "http://localhost:8080",
    binding: "",
    name: "n",
    platform: "p",
    kind: "browser",
    version: "0.1.0",
    signature: "",
  },
  async check(registered) {
    if (registered.signature !== "good")
      throw new MusterError("bad_signature", "the hub did not prove its key");
  },
});

interface Bench {
  connection: Connection;
  world: FakeWorld;
  sockets: FakeSocket[];
  states: ConnectionState[];
  messages: HubToClient[];
  last(): FakeSocket;
}

async function opened(): Promise<Bench> {
  const it = bench();
  await settle();
  return it;
}

function bench(told?: (state: ConnectionState) => void): Bench {
  const world = new FakeWorld();
  const sockets: FakeSocket[] = [];
  const states: ConnectionState[] = [];
  const messages: HubToClient[] = [];
  const connection = connect({
    url: "ws://localhost:8080/ws",
    openSocket: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      queueMicrotask(() => socket.opens());
      return socket;
    },
    world: world.parts,
    prove,
    onState(state) {
      states.push(state);
      told?.(state);
    },
    onMessage: (message) => messages.push(message),
  });
  const last = (): FakeSocket => sockets.at(-1) ?? new FakeSocket();
  return { connection, world, sockets, states, messages, last };
}

async function ready(): Promise<Bench> {
  const it = bench();
  await register(it.last());
  return it;
}

async function register(socket: FakeSocket): Promise<void> {
  await settle();
  socket.says(HELLO);
  await settle();
  socket.says(REGISTERED);
  await settle();
}

test("it is ready once both sides have proved themselves", async () => {
  const { states, last } = await ready();
  expect(states.map((state) => state.at)).toEqual(["connecting", "ready"]);
  expect(last().sent.map((message) => message["type"])).toEqual(["register"]);
});

test("a hub that does not prove its key is never trusted, and not dialled again", async () => {
  const { states, last, world, sockets } = await opened();
  last().says(HELLO);
  await settle();
  last().says({ ...REGISTERED, signature: "forged" });
  await settle();
  await world.advance(60_000);
  expect(states.at(-1)).toMatchObject({ at: "ended", problem: { code: "bad_signature" } });
  expect([sockets.length, last().closed]).toEqual([1, true]);
});

test("what the hub says while its proof is being checked waits for the end of the check", async () => {
  const { last, messages, states } = await opened();
  last().says(HELLO);
  await settle();
  last().says(REGISTERED);
  last().says({ type: "fleet", fleet: FLEET });
  expect([messages.length, states.at(-1)?.at]).toEqual([0, "connecting"]);
  await settle();
  expect(messages.map((message) => message.type)).toEqual(["fleet"]);
});

test("a message out of turn ends the attempt", async () => {
  const { last, states } = await opened();
  last().says(REGISTERED);
  expect(states.at(-1)).toMatchObject({ at: "waiting", problem: { code: "protocol_error" } });
});

test("an answer reaches who asked, and a refusal is thrown to them with the request's id", async () => {
  const { connection, last } = await ready();
  const [asked, refused] = [
    connection.request({ type: "fleet_get" }),
    connection.request({ type: "fleet_get" }),
  ];
  last().says({ type: "error", id: "2", code: "forbidden", message: "no", hint: "ask" });
  last().says({ type: "fleet", id: "1", fleet: FLEET });
  expect((await asked).type).toBe("fleet");
  expect(await refused.catch((error: unknown) => error)).toMatchObject({
    code: "forbidden",
    hint: "ask",
    cause: { requestId: "2" },
  });
});

test("a request that is never answered ends by its time limit", async () => {
  const { connection, last, world } = await ready();
  const asked = connection.request({ type: "fleet_get" }, 1000).catch((error: unknown) => error);
  await world.advance(1000);
  expect(await asked).toMatchObject({ code: "unavailable" });
  last().says({ type: "fleet", id: "1", fleet: FLEET });
});

test("no more than 64 requests wait at once", async () => {
  const { connection } = await ready();
  const asked = Array.from({ length: 65 }, () => connection.request({ type: "fleet_get" }));
  for (const request of asked) request.catch(() => undefined);
  expect(await asked[64]?.catch((error: unknown) => error)).toMatchObject({ code: "too_many" });
  connection.close();
});

test("a lost connection fails what waits, and is dialled again", async () => {
  const { connection, last, world, sockets, states } = await ready();
  const asked = connection.request({ type: "fleet_get" }).catch((error: unknown) => error);
  last().emit("close", { code: 1006, reason: "" });
  expect(await asked).toMatchObject({ code: "unavailable" });
  expect(states.at(-1)).toMatchObject({ at: "waiting", opened: true, retryAt: world.now + 150 });
  await world.advance(150);
  await register(last());
  expect([sockets.length, states.at(-1)?.at]).toEqual([2, "ready"]);
});

test("a hub that answers once more starts the waits from the beginning", async () => {
  const { world, last, states } = bench();
  for (let failures = 0; failures < 5; failures++) {
    last().emit("error", {});
    await world.advance(10_000);
  }
  await register(last());
  last().emit("close", { code: 1006, reason: "" });
  expect(states.at(-1)).toMatchObject({ retryAt: world.now + 150 });
});

test("silence is noticed within 5 s, although the socket says nothing", async () => {
  const { world, last, states, sockets } = await ready();
  const silent = last();
  silent.mute = true;
  await world.advance(4000);
  expect(states.at(-1)?.at).toBe("ready");
  await world.advance(1000);
  expect(states.map((state) => state.at)).toContain("waiting");
  await world.advance(1000);
  expect([sockets.length, silent.closed]).toEqual([2, true]);
});

test("a hub that answers pings stays connected", async () => {
  const { world, sockets, states } = await ready();
  await world.advance(600_000);
  expect([sockets.length, states.at(-1)?.at]).toEqual([1, "ready"]);
});

test("after a wake the hub has 2 s to answer", async () => {
  const { connection, world, last, states } = await ready();
  connection.wake();
  await settle();
  last().says({ type: "fleet", id: last().sent.at(-1)?.["id"], fleet: FLEET });
  await world.advance(3000);
  expect(states.at(-1)?.at).toBe("ready");
  connection.wake();
  await world.advance(2000);
  expect(states.at(-1)).toMatchObject({ at: "waiting", problem: { code: "hub_unreachable" } });
});

test("a hub that never greets is given up after 10 s", async () => {
  const { world, states } = bench();
  await world.advance(10_000);
  expect(states.at(-1)).toMatchObject({ at: "waiting", opened: false, problem: { code: "hub_unreachable" } });
});

test("waking dials at once instead of at the end of the wait", async () => {
  const { connection, last, sockets } = bench();
  last().emit("error", {});
  connection.wake();
  expect(sockets).toHaveLength(2);
});

test("a hub that restarts says when to come back", async () => {
  const { world, last, states, sockets } = await ready();
  last().says({ type: "reconnect", after_ms: 700 });
  expect(states.at(-1)).toMatchObject({ at: "waiting", retryAt: world.now + 700 });
  await world.advance(700);
  expect(sockets).toHaveLength(2);
});

test("a type that is not known yet is skipped, a known one that does not fit ends the connection", async () => {
  const { last, states } = await ready();
  last().says({ type: "weather", sunny: true });
  expect(states.at(-1)?.at).toBe("ready");
  last().says({ type: "fleet", fleet: "none" });
  expect(states.at(-1)).toMatchObject({ at: "waiting", problem: { code: "protocol_error" } });
});

test("text that is no JSON and things that are no messages end the connection", async () => {
  for (const data of ["{", "[]", "null", '{"type":7}']) {
    const { last, states } = await ready();
    last().emit("message", { data });
    expect(states.at(-1)).toMatchObject({ at: "waiting", problem: { code: "protocol_error" } });
  }
});

test("bytes that are no frames end the connection", async () => {
  const { last, states } = await ready();
  last().emit("message", { data: new ArrayBuffer(4) });
  expect(states.at(-1)).toMatchObject({ at: "waiting", problem: { code: "hub_unreachable" } });
});

test("after closing nothing is dialled and nothing is told", async () => {
  const { connection, world, last, states, sockets } = await ready();
  connection.close();
  last().emit("close", { code: 1000, reason: "" });
  await world.advance(60_000);
  expect([states.at(-1), sockets.length]).toEqual([{ at: "ended", problem: null }, 1]);
});

test("who closes it on hearing of a state is told of nothing that follows", async () => {
  for (const at of ["connecting", "ready"] as const) {
    let closes = false;
    const it: Bench = bench((state) => void (closes && state.at === at && it.connection.close()));
    await settle();
    closes = at === "ready";
    it.last().says(HELLO);
    await settle();
    it.last().says(REGISTERED);
    it.last().says({ type: "fleet", fleet: FLEET });
    await settle();
    closes = true;
    it.last().emit("close", { code: 1006, reason: "" });
    await it.world.advance(60_000);
    expect([at, it.states.at(-1)?.at, it.sockets.length]).toEqual([at, "ended", 1]);
    expect(it.messages.length).toBe(at === "ready" ? 0 : 1);
  }
});

test("waits double up to their bound and are spread over the upper half", () => {
  const bounds = { firstMs: 300, mostMs: 10_000 };
  expect([1, 2, 3, 6, 7, 1000].map((failures) => backOffMs(failures, 1, bounds))).toEqual([
    300, 600, 1200, 9600, 10_000, 10_000,
  ]);
  expect(backOffMs(1, 0, bounds)).toBe(150);
});
