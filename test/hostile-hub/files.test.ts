// A hub run by an enemy, between two paired devices that are the real ones, while a file goes from one to the other.
// Whatever it does to the session has a name at one of them, no wrong byte is ever in an inbox, and what was sent
// comes once as soon as the hub stops.
import { expect, test } from "bun:test";
import { FileChannel } from "../../src/client/files/file-channel.ts";
import { answerFile, dialFile } from "../../src/client/files/file-session.ts";
import { receiveFile } from "../../src/client/files/receive-file.ts";
import { sendFile } from "../../src/client/files/send-file.ts";
import { startSha256 } from "../../src/agent/files/hash.ts";
import {
  fileHome,
  NAMES,
  two,
  until,
  type FileHome,
  type FileHub,
  type Tamper,
  type Two,
} from "../../src/agent/files/files.fixture.ts";
import { MemoryStream } from "../../src/agent/sessions/memory-stream.fixture.ts";
import { seededCrypto } from "../../src/identity/crypto.fixture.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../src/identity/sealed/session-crypto-node.ts";
import { concat, utf8 } from "../../src/protocol/bytes.ts";
import { encodeSessionCall, SESSION_RESET } from "../../src/protocol/session-open.ts";

const SENTENCE = "nobody but ben may read this. ";
const BYTES = utf8(SENTENCE.repeat(6_000));
/** What the receiver's log names. */
const NAMED = /^(seal_broken|session_cut|protocol_error|unavailable)$/;
/** What the sender's person reads of a file that waits. */
const WAITS = /was cut|does not open|no answer within|said nothing|has no place|does not know this one/;
/** Of one peer at once. */
const PER_PEER_MAX = 4;

const DEAF = { data() {}, drain() {}, end() {}, close() {} };

const crypto = seededCrypto("hostile files");

async function queue({ anna, ben }: Two, name = "secret-name.txt", bytes = BYTES): Promise<string> {
  const { id } = await anna.files.desk.send(ben.key, await anna.write(name, bytes));
  return id;
}

/** Time moves only while the hub has nothing to carry. */
async function eventually({ anna, ben, hub }: Two, reached: () => Promise<boolean>): Promise<void> {
  let before = -1;
  await until(async () => {
    const idle = before === hub.carried;
    before = hub.carried;
    if (await reached()) return true;
    if (idle) for (const { time } of [anna, ben]) time.advance(1_000);
    return false;
  });
}

const waitsOf = async ({ anna }: Two, id: string) => (await anna.files.desk.sending(id, NAMES)).waits;

async function delivered(homes: Two, id: string): Promise<void> {
  await eventually(homes, async () => (await homes.anna.stateOf(id)) === "delivered");
}

async function holdsOnce({ ben }: Two, id: string): Promise<void> {
  const came = (await ben.inbox()).filter((file) => file.id === id);
  expect(came.map(({ bytes }) => Buffer.compare(bytes, BYTES))).toEqual([0]);
}

type Side = "sender" | "receiver";
type Change = (given: { bytes: Uint8Array; hub: FileHub; stream: number; side: Side }) => Uint8Array[];

/** Applies `change` to the n-th record that one side sends, and to those behind it, and is honest from then on. */
function atRecord(
  hub: FileHub,
  side: Side,
  { nth, records = 1, change }: { nth: number; records?: number; change: Change },
): { done: boolean } {
  const attack = { done: false };
  let record = 0;
  const tamper: Tamper = ({ from, bytes, stream }, pass) => {
    if (attack.done || from !== side || record++ < nth) return pass(bytes);
    attack.done = record >= nth + records;
    for (const changed of change({ bytes, hub, stream, side })) pass(changed);
  };
  hub.tamper = tamper;
  return attack;
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes.at(at) ?? 0) ^ 1);

/** Says to whom the record was for that the stream has ended. */
function endedInstead({ hub, stream, side }: Parameters<Change>[0]): Uint8Array[] {
  hub.open[side === "sender" ? stream - 1 : stream - 2]?.receiveEnd();
  return [];
}

/** The record comes behind the next one. */
function swapping(): Change {
  let held: Uint8Array | undefined;
  return ({ bytes }) => {
    const both = held === undefined ? [] : [bytes, held];
    held = bytes;
    return both;
  };
}

interface Attack {
  change(): Change;
  /** What was meant arrives too, so behind a last word there is nothing to find. */
  keeps: boolean;
  /** Records in a row that it changes. */
  records?: number;
}

const ATTACKS: [string, Attack][] = [
  [
    "a flipped bit in a file's session",
    {
      keeps: false,
      change:
        () =>
        ({ bytes }) => [flipped(bytes, -1)],
    },
  ],
  [
    "a flipped length in a file's session",
    {
      keeps: false,
      change:
        () =>
        ({ bytes }) => [flipped(bytes, 1)],
    },
  ],
  ["a record of a file that is dropped", { keeps: false, change: () => () => [] }],
  [
    "a record of a file that comes twice",
    {
      keeps: true,
      change:
        () =>
        ({ bytes }) => [bytes, bytes],
    },
  ],
  ["records of a file in another order", { keeps: false, change: swapping, records: 2 }],
  [
    "a record of a file cut short",
    {
      keeps: false,
      change:
        () =>
        ({ bytes }) => [bytes.subarray(0, -1)],
    },
  ],
  ["a file's stream that ends early, as if complete", { keeps: false, change: () => endedInstead }],
  [
    "bytes behind a record of a file, its end included",
    {
      keeps: true,
      change:
        () =>
        ({ bytes }) => [concat(bytes, utf8("\0\u0011and a little more"))],
    },
  ],
];

/** Handshake, start, offer, begin, one of three pieces, finish, end; handshake, held, kept, end. */
const PLACES = { sender: [0, 1, 2, 5, 7, 8], receiver: [0, 1, 2, 3] };
const LAST_WORD = { sender: 7, receiver: 2 };

test.each(ATTACKS)(
  "%s is named, and the file comes whole and once",
  async (_, { change, keeps, records = 1 }) => {
    await using homes = await two();
    const { ben, hub } = homes;
    for (const side of ["sender", "receiver"] as const) {
      for (const nth of PLACES[side]) {
        // The last record has no next one.
        if (records > 1 && nth === PLACES[side].at(-1)) continue;
        ben.refused.length = 0;
        hub.honest();
        const attack = atRecord(hub, side, { nth, records, change: change() });
        const id = await queue(homes);
        const names = new Set<string>();
        await eventually(homes, async () => {
          names.add((await waitsOf(homes, id)) ?? "");
          return attack.done && (await homes.anna.stateOf(id)) === "delivered";
        });
        names.delete("");
        for (const name of names) expect(name).toMatch(WAITS);
        for (const code of ben.refused) expect(code).toMatch(NAMED);
        const isBehind = nth > LAST_WORD[side] || (keeps && nth === LAST_WORD[side]);
        if (!isBehind) expect([side, nth, names.size + ben.refused.length > 0]).toEqual([side, nth, true]);
        await holdsOnce(homes, id);
      }
    }
    expect(await ben.growing()).toEqual([]);
  },
  20_000,
);

/** Gives the far end of a stream that the hub opens by itself to Ben, in the name of `caller`. */
function openTo({ ben }: Two, caller: Pick<FileHome, "link">) {
  const [near, far] = [new MemoryStream(), new MemoryStream()];
  const opened = { near, answers: [] as Uint8Array[], reset: undefined as number | undefined, closed: false };
  near.join(far, (bytes) => queueMicrotask(() => far.receive(bytes)));
  far.join(near, (bytes) => queueMicrotask(() => near.receive(bytes)));
  near.adopt({
    ...DEAF,
    data: (bytes) => void opened.answers.push(new Uint8Array(bytes)),
    reset: (code) => (opened.reset = code),
    close: () => (opened.closed = true),
  });
  far.adopt(ben.files.open(far, encodeSessionCall("file", caller.link.identityKey)) ?? DEAF);
  return opened;
}

test("a file's session played again is refused, also in the middle of another, and brings nothing", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  const said = { sender: [] as Uint8Array[], receiver: [] as Uint8Array[] };
  hub.tamper = ({ from, bytes }, pass) => {
    said[from].push(bytes);
    pass(bytes);
  };
  const id = await queue(homes);
  await delivered(homes, id);
  hub.honest();
  const replay = openTo(homes, anna);
  for (const bytes of said.sender) replay.near.write(bytes);
  await eventually(homes, () => Promise.resolve(replay.closed));
  expect(ben.refused).toEqual(["seal_broken"]);
  // Its own half of a handshake is all that it ever says.
  expect(replay.answers).toHaveLength(1);
  await holdsOnce(homes, id);
  // And what the receiver said then, of what it held: an offset of another session is none.
  for (const nth of [1, 2]) {
    const lie = atRecord(hub, "receiver", { nth, change: () => said.receiver.slice(nth, nth + 1) });
    const next = await queue(homes);
    const waits = new Set<string | undefined>();
    await eventually(homes, async () => {
      waits.add(await waitsOf(homes, next));
      return lie.done && (await anna.stateOf(next)) === "delivered";
    });
    expect([...waits].join(" ")).toContain("a sealed record does not open");
    await holdsOnce(homes, next);
    hub.honest();
  }
});

test("after a cut a hub can't say that more of a file is held than is", async () => {
  await using homes = await two();
  const { ben, hub } = homes;
  const held: Uint8Array[] = [];
  let record = 0;
  hub.tamper = ({ from, bytes, stream }, pass) => {
    if (from === "receiver" && record++ === 1) held.push(bytes);
    if (from === "sender" && hub.carried > 140_000) return hub.open[stream - 1]?.receiveReset(0);
    pass(bytes);
  };
  const id = await queue(homes);
  await eventually(homes, async () => (await ben.files.desk.arriving(NAMES))[0]?.state === "waiting");
  hub.honest();
  // The answer of the first session, in which nothing was held yet, in the place of the second's.
  const lie = atRecord(hub, "receiver", { nth: 1, change: () => held });
  await eventually(homes, () => Promise.resolve(lie.done));
  hub.carried = 0;
  await delivered(homes, id);
  expect(hub.carried).toBeLessThan(BYTES.length);
  await holdsOnce(homes, id);
});

test("a file led to another, called in another's name or answered by the hub goes nowhere", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  await using eve = await fileHome(hub);
  for (const [one, other] of [
    [anna, eve],
    [eve, anna],
    [ben, eve],
  ] as const)
    await one.pin(other, "other");
  const ofHub = { crypto: nodeSessionCrypto(crypto), timers: anna.time };
  const linkKey = nodeDhKey(crypto, crypto.randomBytes(32));
  let answered: Promise<string> | undefined;
  hub.homes.set("hub", {
    online: true,
    files: {
      open(far) {
        const channel = new FileChannel(anna.time);
        const own = { identityKey: ben.link.identityKey, linkKey };
        const peer = { identityKey: anna.link.identityKey, linkKey: anna.link.linkKey.publicKey };
        const events = answerFile(channel, { ...ofHub, own, peer }, far);
        const take = () => Promise.reject(new Error("it was offered"));
        answered = ended(receiveFile(channel, { take, startHash: startSha256, moved() {} }));
        return events;
      },
    },
  });
  const id = await queue(homes);
  const lies: (() => void)[] = [
    () => (hub.lead = () => eve.key),
    () => (hub.lead = () => "hub"),
    () => (hub.announce = () => eve.link.identityKey),
    () => (hub.announce = () => crypto.randomBytes(32)),
  ];
  for (const lie of lies) {
    hub.honest();
    lie();
    const before = hub.open.length;
    await eventually(
      homes,
      async () => hub.open.length > before + 2 && (await waitsOf(homes, id)) !== undefined,
    );
    expect(await waitsOf(homes, id)).toMatch(WAITS);
    expect([await ben.inbox(), await eve.inbox()]).toEqual([[], []]);
  }
  expect(await answered).toMatch(/^MusterError: /);

  // The hub as Anna, with a key of its own: it does not come as far as an offer.
  const channel = new FileChannel(ben.time);
  const own = { identityKey: anna.link.identityKey, linkKey };
  const peer = { identityKey: ben.link.identityKey, linkKey: ben.link.linkKey.publicKey };
  dialFile(channel, { ...ofHub, own, peer }, (events) => {
    const [near, far] = [new MemoryStream(), new MemoryStream()];
    near.join(far, (bytes) => queueMicrotask(() => far.receive(bytes)));
    far.join(near, (bytes) => queueMicrotask(() => near.receive(bytes)));
    near.adopt(events);
    far.adopt(ben.files.open(far, encodeSessionCall("file", anna.link.identityKey)) ?? DEAF);
    return near;
  });
  const source = { read: () => Promise.resolve(BYTES), check: () => Promise.resolve() };
  const offer = { id: "an-id-of-sixteen-characters", name: "evil", size: BYTES.length };
  const forged = ended(sendFile(channel, { offer, source, startHash: startSha256, moved() {} }));
  expect(await forged).toMatch(/^MusterError: /);
  hub.honest();
  await delivered(homes, id);
  await holdsOnce(homes, id);
  expect(await ben.inbox()).toHaveLength(1);
});

test("for a pair that has ended no file's session opens, and one that is open brings nothing more", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  const held: (() => void)[] = [];
  hub.tamper = ({ from, bytes }, pass) => {
    if (from === "sender" && hub.carried > 100_000) held.push(() => pass(bytes));
    else pass(bytes);
  };
  await queue(homes);
  await eventually(homes, async () => hub.carried > 100_000 && (await ben.growing()).length === 1);
  await ben.unpin(anna);
  await eventually(homes, async () => (await ben.growing()).length === 0);
  for (const pass of held) pass();
  const again = openTo(homes, anna);
  await eventually(homes, () => Promise.resolve(again.closed));
  expect([again.reset, again.answers]).toEqual([SESSION_RESET.unknownCaller, []]);
  expect([await ben.inbox(), ben.refused]).toEqual([[], ["not_found"]]);
});

test("half-open sessions of files are few, end by themselves, and harm none that is open", async () => {
  await using homes = await two();
  const { anna, ben, hub } = homes;
  await using carol = await fileHome(hub);
  await carol.pin(ben, "ben");
  await ben.pin(carol, "carol");
  const held: (() => void)[] = [];
  hub.tamper = ({ from, bytes }, pass) => {
    if (from === "sender" && hub.carried > 100_000) held.push(() => pass(bytes));
    else pass(bytes);
  };
  const running = await queue(homes);
  await until(() => held.length > 0);
  const flood = Array.from({ length: 200 }, () => openTo(homes, anna));
  await until(
    () => flood.filter(({ reset }) => reset === SESSION_RESET.tooMany).length >= 200 - PER_PEER_MAX,
  );
  const strangers = Array.from({ length: 200 }, () =>
    openTo(homes, { link: { ...anna.link, identityKey: crypto.randomBytes(32) } }),
  );
  await until(() => strangers.every(({ closed }) => closed));
  // Another peer's comes while they last.
  hub.honest();
  const { id } = await carol.files.desk.send(ben.key, await carol.write("from-carol.txt", BYTES));
  await until(async () => (await carol.stateOf(id)) === "delivered");
  for (const pass of held) pass();
  await until(async () => (await anna.stateOf(running)) === "delivered");
  ben.time.advance(11_000);
  await until(() => flood.every(({ closed }) => closed));
  expect((await ben.inbox()).map((file) => file.name).toSorted()).toEqual([
    "from-carol.txt",
    "secret-name.txt",
  ]);
  await delivered(homes, await queue(homes));
});

test("of a file the hub sees neither its bytes nor its name nor its size", async () => {
  await using homes = await two();
  const { hub } = homes;
  const seen: Uint8Array[] = [];
  hub.tamper = ({ bytes }, pass) => {
    seen.push(bytes);
    pass(bytes);
  };
  await delivered(homes, await queue(homes));
  const text = Buffer.concat(seen).toString("latin1");
  expect(text.length).toBeGreaterThan(BYTES.length);
  for (const word of ["nobody", "ben may", "secret-name", "offer", "sha256", String(BYTES.length)]) {
    expect(text).not.toContain(word);
  }
});

/** The code and words with which it ended. */
function ended(work: Promise<unknown>): Promise<string> {
  return work.then(() => "ok", String);
}
