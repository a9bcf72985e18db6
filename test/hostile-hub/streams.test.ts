// A hub run by an enemy, between two paired peers whose programs have a live stream. What comes out of it is a
// beginning of what went in, whatever is done on the way; anything that is not its whole is told as such.
import { expect, test } from "bun:test";
import { MemoryStream } from "../../src/agent/sessions/memory-stream.fixture.ts";
import { PeerStreams } from "../../src/client/peers/peer-streams.ts";
import type { PeerRow } from "../../src/client/peers/rows.ts";
import type { PeerStore } from "../../src/client/peers/store.ts";
import { seededCrypto } from "../../src/identity/crypto.fixture.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../src/identity/sealed/session-crypto-node.ts";
import { concat, toBase64Url, utf8 } from "../../src/protocol/bytes.ts";
import { MusterError } from "../../src/protocol/errors.ts";
import { encodeSessionCall, readSessionWish, SESSION_RESET } from "../../src/protocol/session-open.ts";
import { FakeTime } from "../../src/trunk/testing.ts";
import type { TrunkStreamEvents } from "../../src/trunk/stream.ts";
import type { ByteStream, ByteStreamEvents } from "../../src/world/world.ts";

const crypto = seededCrypto("hostile streams");
const DEAF = { data() {}, drain() {}, end() {}, close() {} };
const LINES = ["the first of three secrets. ", "the second one. ", "and the last."];
const WHOLE = LINES.join("");

type Side = "caller" | "called";

/** One that was carried: changed ones are passed on in its place. */
interface Carried {
  from: Side;
  bytes: Uint8Array;
  far: MemoryStream;
}

class Hub {
  readonly peers = new Map<string, TestPeer>();
  readonly ends: MemoryStream[] = [];
  readonly seen: { from: Side; bytes: Uint8Array }[] = [];
  tamper: (carried: Carried) => Uint8Array[] = ({ bytes }) => [bytes];
  lead = (key: string): string => key;
  announce = (key: Uint8Array): Uint8Array => key;

  open(by: Uint8Array, payload: Uint8Array, events: TrunkStreamEvents): MemoryStream {
    const wish = readSessionWish(payload);
    if (wish?.purpose !== "stream") throw new Error("only streams go here");
    const [near, far] = [new MemoryStream(), new MemoryStream()];
    const carry = (from: Side, to: MemoryStream) => (bytes: Uint8Array) => {
      this.seen.push({ from, bytes });
      for (const changed of this.tamper({ from, bytes, far: to })) queueMicrotask(() => to.receive(changed));
    };
    near.join(far, carry("caller", far));
    far.join(near, carry("called", near));
    near.adopt(events);
    this.ends.push(near, far);
    const called = this.peers.get(this.lead(wish.peerKey));
    far.adopt(called?.streams.opened(far, encodeSessionCall("stream", this.announce(by))) ?? DEAF);
    return near;
  }
}

class TestPeer {
  readonly identityKey: Uint8Array;
  readonly key: string;
  readonly linkKey = nodeDhKey(crypto, crypto.randomBytes(32));
  readonly time = new FakeTime();
  readonly pinned = new Map<string, PeerRow>();
  readonly streams: PeerStreams;
  /** What each stream brought, and how it ended. */
  readonly taken: { text: string; closed: string | undefined; stream: ByteStream }[] = [];

  constructor(hub: Hub, identityKey = crypto.ed25519Signer(crypto.randomBytes(32)).publicKey) {
    this.identityKey = identityKey;
    this.key = toBase64Url(identityKey);
    const find = (key: string) => Promise.resolve(this.pinned.get(key));
    this.streams = new PeerStreams({
      store: { peers: { find } } as unknown as PeerStore, // all that streams ask of it
      timers: this.time,
      crypto: nodeSessionCrypto(crypto),
      own: { identityKey, linkKey: this.linkKey },
      openStream: (payload, events) => hub.open(this.identityKey, payload, events),
      handler: () => (_from, stream) => this.#take(stream),
    });
  }

  pin(other: TestPeer): void {
    this.pinned.set(other.key, rowOf(other));
  }

  /** Half-closes when the other has. */
  #take(stream: ByteStream): ByteStreamEvents {
    const taken = { text: "", closed: undefined as string | undefined, stream };
    this.taken.push(taken);
    return { ...DEAF, ...reading(taken), end: () => stream.shutdown() };
  }
}

function rowOf({ key, linkKey }: TestPeer): PeerRow {
  return { key, link_key: linkKey.publicKey, state: "paired" } as PeerRow; // what a stream reads of it
}

function reading(to: { text: string; closed: string | undefined }): Pick<ByteStreamEvents, "data" | "close"> {
  return {
    data: (bytes) => (to.text += Buffer.from(bytes).toString()),
    close: (error) => (to.closed = codeOf(error)),
  };
}

function codeOf(error: unknown): string {
  if (error === undefined) return "whole";
  return error instanceof MusterError ? error.code : "unnamed";
}

function two() {
  const hub = new Hub();
  const [anna, ben] = [new TestPeer(hub), new TestPeer(hub)];
  for (const peer of [anna, ben]) hub.peers.set(peer.key, peer);
  anna.pin(ben);
  ben.pin(anna);
  return { hub, anna, ben };
}

type Two = ReturnType<typeof two>;

/** Until nothing moves any more without time: everything here is in memory. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Anna says her lines and ends, and Ben ends then. How it looks to Anna, and to Ben if he saw any of it. */
async function talk({ hub, anna, ben }: Two) {
  const near = { text: "", closed: undefined as string | undefined };
  const opening = anna.streams.open(rowOf(ben), { ...DEAF, ...reading(near) });
  opening.then(
    async (stream) => {
      for (const line of LINES) {
        stream.write(utf8(line));
        await rest();
      }
      stream.shutdown();
    },
    (error: unknown) => (near.closed = codeOf(error)),
  );
  for (let wait = 0; wait < 10; wait++) await rest();
  for (const { time } of [anna, ben]) time.advance(11_000);
  await rest();
  // What is held back for ever looks like a peer that is silent, until the stream ends.
  for (const end of hub.ends) end.receiveReset(0);
  await rest();
  return { near, far: ben.taken.at(-1) };
}

type Change = (carried: Carried) => Uint8Array[];

function atRecord(hub: Hub, side: Side, { nth, change }: { nth: number; change: Change }): void {
  let record = 0;
  hub.tamper = (carried) => {
    if (carried.from !== side || record++ < nth) return [carried.bytes];
    return record === nth + 1 ? change(carried) : [carried.bytes];
  };
}

function endedInstead({ far }: Carried): Uint8Array[] {
  far.receiveEnd();
  return [];
}

/** The n-th and the one behind it, the other way round. */
function swapped(hub: Hub, side: Side, nth: number): void {
  let record = 0;
  let held: Uint8Array[] = [];
  hub.tamper = ({ from, bytes }) => {
    if (from !== side || record++ < nth) return [bytes];
    if (record === nth + 1) held = [bytes];
    return record === nth + 1 ? [] : [bytes, ...held.splice(0)];
  };
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes.at(at) ?? 0) ^ 1);

const ATTACKS: [string, (hub: Hub, side: Side, nth: number) => void][] = [
  [
    "a flipped bit",
    (hub, side, nth) => atRecord(hub, side, { nth, change: ({ bytes }) => [flipped(bytes, -1)] }),
  ],
  ["a dropped record", (hub, side, nth) => atRecord(hub, side, { nth, change: () => [] })],
  ["a record twice", (hub, side, nth) => atRecord(hub, side, { nth, change: ({ bytes }) => [bytes, bytes] })],
  [
    "a record cut short",
    (hub, side, nth) => atRecord(hub, side, { nth, change: ({ bytes }) => [bytes.subarray(1)] }),
  ],
  ["an end as if it were complete", (hub, side, nth) => atRecord(hub, side, { nth, change: endedInstead })],
  [
    "bytes behind a record",
    (hub, side, nth) =>
      atRecord(hub, side, {
        nth,
        change: ({ bytes }) => [concat(bytes, utf8("\0\u0011evil, and a lot more"))],
      }),
  ],
  ["two records in another order", swapped],
];

test.each(ATTACKS)("%s in a live stream is no end of it, and brings no other byte", async (_, attack) => {
  // Handshake, start, three lines, end; handshake, end.
  for (const [side, last] of [
    ["caller", 5],
    ["called", 1],
  ] as const) {
    for (let nth = 0; nth <= last; nth++) {
      const pair = two();
      attack(pair.hub, side, nth);
      const { near, far } = await talk(pair);
      expect(near.text).toBe("");
      expect(WHOLE.startsWith(far?.text ?? "")).toBe(true);
      expect(pair.ben.taken.length).toBeLessThanOrEqual(1);
      if (far?.closed === "whole") expect(far.text).toBe(WHOLE);
      if (near.closed === "whole") expect(far?.text).toBe(WHOLE);
      // A record that was followed by more is never missed; the very last may come whole, with anything behind.
      if (side === "caller" && nth < last)
        expect(`${near.closed} ${far?.closed}`).toMatch(/seal_broken|session_cut|unavailable|protocol_error/);
    }
  }
});

test("a live stream that is honestly carried is whole, and the hub sees none of it", async () => {
  const pair = two();
  const { near, far } = await talk(pair);
  expect([near.closed, far?.closed, far?.text]).toEqual(["whole", "whole", WHOLE]);
  const seen = Buffer.concat(pair.hub.seen.map(({ bytes }) => bytes)).toString("latin1");
  expect(seen.length).toBeGreaterThan(WHOLE.length);
  for (const word of ["secret", "second", "last"]) expect(seen).not.toContain(word);
});

test("a live stream led to another, called in another's name or answered by the hub does not open", async () => {
  const pair = two();
  const { hub, anna, ben } = pair;
  const eve = new TestPeer(hub);
  const asBen = new TestPeer(hub, ben.identityKey);
  const asAnna = new TestPeer(hub, anna.identityKey);
  for (const [at, peer] of Object.entries({ eve, asBen })) hub.peers.set(at, peer);
  for (const peer of [eve, asBen]) peer.pin(anna);
  for (const peer of [anna, ben]) peer.pin(eve);
  const lies: (() => void)[] = [
    () => (hub.lead = () => "eve"),
    () => (hub.lead = () => "asBen"),
    () => (hub.announce = () => eve.identityKey),
    () => (hub.announce = () => crypto.randomBytes(32)),
  ];
  for (const lie of lies) {
    hub.lead = (key) => key;
    hub.announce = (key) => key;
    lie();
    const { near } = await talk(pair);
    expect(near.closed).toMatch(/^(seal_broken|session_cut|unavailable)$/);
  }
  // The hub as Anna, with a link key of its own.
  hub.lead = (key) => key;
  hub.announce = (key) => key;
  expect((await talk({ hub, anna: asAnna, ben })).near.closed).toBe("unavailable");
  expect([ben.taken, eve.taken, asBen.taken]).toEqual([[], [], []]);
});

test("a live stream played again is nobody's", async () => {
  const pair = two();
  const { hub, anna, ben } = pair;
  await talk(pair);
  const said = hub.seen.filter(({ from }) => from === "caller");
  const { far, answers, end } = halfOpen(ben, anna.identityKey);
  for (const { bytes } of said) far.receive(bytes);
  await rest();
  expect([ben.taken.length, answers.length, end.closed]).toEqual([1, 1, true]);
});

test("for a pair that has ended no live stream opens, and one that is open is cut by the device", async () => {
  const pair = two();
  const near = { text: "", closed: undefined as string | undefined };
  const stream = await pair.anna.streams.open(rowOf(pair.ben), { ...DEAF, ...reading(near) });
  await rest();
  pair.ben.pinned.clear();
  await pair.ben.streams.peersChanged();
  stream.write(utf8("too late"));
  await rest();
  expect([near.closed, pair.ben.taken.splice(0)]).toMatchObject([
    "session_cut",
    [{ text: "", closed: "not_found" }],
  ]);
  expect((await talk(pair)).near.closed).toBe("unavailable");
  expect(pair.ben.taken).toEqual([]);
});

test("half-open live streams are few, end by themselves, and harm none that is open", async () => {
  const { hub, anna, ben } = two();
  const carol = new TestPeer(hub);
  ben.pin(carol);
  const stream = await anna.streams.open(rowOf(ben), DEAF);
  await rest();
  const flood = Array.from({ length: 300 }, () => halfOpen(ben, anna.identityKey));
  await rest();
  expect(flood.filter(({ end }) => end.reset === undefined).length).toBe(31);
  expect(new Set(flood.map(({ end }) => end.reset))).toEqual(new Set([undefined, SESSION_RESET.tooMany]));
  // Neither the one that was open, nor another peer's.
  stream.write(utf8("still here"));
  (await carol.streams.open(rowOf(ben), DEAF)).write(utf8("carol too"));
  await rest();
  expect(ben.taken.map(({ text }) => text)).toEqual(["still here", "carol too"]);
  ben.time.advance(11_000);
  await rest();
  expect(flood.every(({ end }) => end.closed)).toBe(true);
  expect(ben.taken.map(({ closed }) => closed)).toEqual([undefined, undefined]);
  await anna.streams.open(rowOf(ben), DEAF);
});

/** A stream that the hub opens by itself, in the name of `caller`. */
function halfOpen(called: TestPeer, caller: Uint8Array) {
  const [near, far] = [new MemoryStream(), new MemoryStream()];
  const answers: Uint8Array[] = [];
  const end = { reset: undefined as number | undefined, closed: false };
  far.join(near, (bytes) => void answers.push(bytes));
  near.join(far, () => {});
  near.adopt({ ...DEAF, reset: (code) => (end.reset = code), close: () => (end.closed = true) });
  far.adopt(called.streams.opened(far, encodeSessionCall("stream", caller)) ?? DEAF);
  return { far, answers, end };
}
