import { expect, test } from "bun:test";
import {
  sql,
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
} from "kysely";
import { toBase64Url } from "../../protocol/bytes.ts";
import { RELAY_KEPT_MS } from "../../protocol/limits.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { HubMessage, HubToClient } from "../../protocol/messages.ts";
import { hubStore, NOW, rejection, tempFolder } from "../../store/testing.ts";
import { Relay, type RelayLimits } from "./relay.ts";

class Reader {
  readonly key: string;
  readonly got: HubMessage<"relay">[] = [];

  constructor(key: string) {
    this.key = key;
  }

  send = (message: HubToClient): boolean => {
    if (message.type === "relay") this.got.push(message);
    return true;
  };

  closed: string | undefined;
  close = (code: string): void => void (this.closed = code);

  get bytes(): number {
    return this.got.reduce((sum, { payload }) => sum + payload.length, 0);
  }
}

const payload = (length: number): string => toBase64Url(new Uint8Array(length).fill(7));
const sent = (message: string, length = 10) => ({
  from: "anna",
  to: "ben",
  message,
  payload: payload(length),
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A database that, when told to, says what waits and gives none of it. */
class Unreadable implements KyselyPlugin {
  is = false;

  transformQuery({ node }: PluginTransformQueryArgs) {
    if (this.is && JSON.stringify(node).includes('"payload"')) throw new Error("the disk is ill");
    return node;
  }

  transformResult = ({ result }: PluginTransformResultArgs) => Promise.resolve(result);
}

async function relay(given?: Partial<RelayLimits>, path = ":memory:") {
  let now = NOW;
  const store = await hubStore({ path });
  const unreadable = new Unreadable();
  const limits = {
    waiting: 10_000,
    waitingBytes: 2 ** 26,
    strangersBytes: 2 ** 30,
    largeBytes: 2 ** 24,
    ...given,
  };
  const isStranger = (key: string): boolean => key.startsWith("guest");
  const db = store.db.withPlugin(unreadable);
  const made = new Relay({ db, log: SILENT_LOG, now: () => now, isStranger, limits });
  await made.load();
  return { relay: made, store, unreadable, pass: (ms: number) => (now += ms) };
}

test("what waits comes in order, once for each session, until it was taken", async () => {
  const { relay: hub } = await relay();
  for (let number = 0; number < 200; number++) await hub.send(sent(`m${number}`));
  const first = new Reader("ben");
  hub.joined(first);
  await settled();
  // No more than a session may leave untaken.
  expect(first.got.length).toBe(64);
  while (first.got.length < 200) {
    hub.taken(first, first.got.at(-1)?.relay_id ?? 0);
    await settled();
  }
  const ids = first.got.map(({ relay_id }) => relay_id);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  hub.taken(first, ids[149] ?? 0);
  await settled();
  hub.left(first);
  const second = new Reader("ben");
  hub.joined(second);
  await settled();
  // 150 and more had been taken; what was told last is not, and comes again.
  expect(second.got.length).toBeLessThanOrEqual(50);
  expect(second.got.at(-1)?.relay_id).toBe(ids[199]);
});

test("a disk that takes nothing new lets go of what was taken, also where both come together", async () => {
  const { relay: hub, store } = await relay();
  const reader = new Reader("ben");
  hub.joined(reader);
  await settled();
  for (let number = 1; number <= 3; number++) await hub.send(sent(`m${number}`));
  await sql`create trigger full before insert on relayed begin select raise(abort, 'full'); end`.execute(
    store.db,
  );
  const refused = [rejection(hub.send(sent("m4"))), rejection(hub.send(sent("m5")))];
  hub.taken(reader, 2);
  hub.taken(reader, 3);
  expect((await Promise.all(refused)).every((problem) => problem instanceof Error)).toBe(true);
  await settled();
  expect(await store.db.selectFrom("relayed").select("id").execute()).toEqual([]);
  await sql`drop trigger full`.execute(store.db);
  expect(await hub.send(sent("m4"))).toEqual({ held: false });
});

test("a reader that takes nothing is given little, however much waits for it", async () => {
  const { relay: hub } = await relay();
  const silent = new Reader("ben");
  hub.joined(silent);
  for (let number = 0; number < 100; number++) await hub.send(sent(`m${number}`, 20_000));
  await settled();
  expect(silent.bytes).toBeLessThan(160_000);
});

test("the same message is kept once, and a taken one that comes again is new", async () => {
  const { relay: hub } = await relay();
  expect(await hub.send(sent("m"))).toEqual({ held: false });
  expect(await hub.send(sent("m"))).toEqual({ held: true });
  const reader = new Reader("ben");
  hub.joined(reader);
  await settled();
  expect(reader.got.length).toBe(1);
  hub.taken(reader, reader.got[0]?.relay_id ?? 0);
  await settled();
  expect(await hub.send(sent("m"))).toEqual({ held: false });
});

test("at the recipient's bounds the sender is told, and there is room again once something was taken", async () => {
  const { relay: hub } = await relay({ waiting: 3, waitingBytes: 1_000 });
  for (const name of ["a", "b", "c"]) await hub.send(sent(name));
  expect(await rejection(hub.send(sent("d")))).toMatchObject({ code: "too_many" });
  const reader = new Reader("ben");
  hub.joined(reader);
  await settled();
  hub.taken(reader, reader.got.at(-1)?.relay_id ?? 0);
  await settled();
  expect(await rejection(hub.send(sent("e", 2_000)))).toMatchObject({ code: "too_many" });
  expect(await hub.send(sent("f", 900))).toEqual({ held: false });
});

test("it survives a restart, and ends after seven days", async () => {
  await using folder = await tempFolder();
  const before = await relay(undefined, folder.file("hub.db"));
  await before.relay.send(sent("m"));
  await before.store.close();
  const after = await relay(undefined, folder.file("hub.db"));
  const reader = new Reader("ben");
  after.relay.joined(reader);
  await settled();
  expect(reader.got).toMatchObject([{ from: "anna", payload: payload(10) }]);
  after.relay.left(reader);
  after.pass(RELAY_KEPT_MS + 1);
  await after.relay.dropOld();
  const late = new Reader("ben");
  after.relay.joined(late);
  await settled();
  expect(late.got).toEqual([]);
  await after.store.close();
});

test("an acknowledgement of what was never given drops nothing", async () => {
  const { relay: hub } = await relay();
  const reader = new Reader("ben");
  hub.joined(reader);
  hub.taken(reader, Number.MAX_SAFE_INTEGER);
  await hub.send(sent("m"));
  await settled();
  hub.taken(reader, (reader.got[0]?.relay_id ?? 0) + 1);
  await settled();
  hub.left(reader);
  const again = new Reader("ben");
  hub.joined(again);
  await settled();
  expect(again.got.length).toBe(1);
});

test("keys that cost nothing to make share one bound, and take no room from those that are enrolled", async () => {
  await using folder = await tempFolder();
  const before = await relay({ strangersBytes: 10_000 }, folder.file("hub.db"));
  const toGuest = (number: number, length: number) => ({ ...sent("m", length), to: `guest ${number}` });
  for (let number = 0; number < 9; number++) await before.relay.send(toGuest(number, 800));
  expect(await rejection(before.relay.send(toGuest(9, 800)))).toMatchObject({ code: "too_many" });
  await before.relay.send(sent("m", 5_000));
  await before.store.close();
  const { relay: hub, store } = await relay({ strangersBytes: 10_000 }, folder.file("hub.db"));
  expect(await rejection(hub.send(toGuest(9, 800)))).toMatchObject({ code: "too_many" });
  const reader = new Reader("guest 3");
  hub.joined(reader);
  await settled();
  hub.taken(reader, reader.got[0]?.relay_id ?? 0);
  await settled();
  expect(await hub.send(toGuest(9, 800))).toEqual({ held: false });
  await store.close();
});

test("what was taken is dropped by one statement, however often a session says so", async () => {
  const { relay: hub, store } = await relay();
  for (const name of ["a", "b"]) await hub.send(sent(name));
  const reader = new Reader("ben");
  hub.joined(reader);
  await settled();
  let deletes = 0;
  const remove = store.db.deleteFrom.bind(store.db);
  const counted = (table: "relayed") => ((deletes += 1), remove(table));
  Object.assign(store.db, { deleteFrom: counted });
  for (let again = 0; again < 1_000; again++) hub.taken(reader, reader.got[0]?.relay_id ?? 0);
  await settled();
  hub.left(reader);
  const next = new Reader("ben");
  hub.joined(next);
  await settled();
  expect(next.got.length).toBe(1);
  expect(deletes).toBeLessThanOrEqual(1);
});

test("a thousand silent readers of large messages hold no more than one bound, and end in time for others", async () => {
  const { relay: hub, pass } = await relay({ largeBytes: 4_000_000 });
  const readers = Array.from({ length: 40 }, (_, number) => new Reader(`guest ${number}`));
  for (const reader of readers) {
    await hub.send({ ...sent("m", 1_000_000), to: reader.key });
    hub.joined(reader);
  }
  const ben = new Reader("ben");
  hub.joined(ben);
  await hub.send(sent("m", 1_000_000));
  await settled();
  // Who is enrolled has room of its own.
  expect(ben.got.length).toBe(1);
  const served = () => readers.filter(({ got }) => got.length > 0);
  expect(served().length).toBe(4);
  hub.relieve();
  expect(readers.every(({ closed }) => closed === undefined)).toBe(true);
  pass(60_000);
  hub.relieve();
  const ended = readers.filter(({ closed }) => closed === "unavailable");
  expect(ended).toEqual(served());
  for (const reader of ended) hub.left(reader);
  await settled();
  expect(served().length).toBe(8);
  // One that takes what it is given makes room at once.
  const [, , , , fifth] = served();
  if (fifth !== undefined) hub.taken(fifth, fifth.got[0]?.relay_id ?? 0);
  await settled();
  expect(served().length).toBe(9);
});

test("after a look that failed, the next message passes by none that waits", async () => {
  const { relay: hub, store } = await relay();
  await hub.send(sent("m1"));
  await sql`alter table relayed rename to away`.execute(store.db);
  const reader = new Reader("ben");
  hub.joined(reader);
  await settled();
  await sql`alter table away rename to relayed`.execute(store.db);
  expect(reader.got).toEqual([]);
  await hub.send(sent("m2"));
  await settled();
  expect(reader.got.map(({ relay_id }) => relay_id)).toEqual([1, 2]);
});

test("what could not be read comes by itself a little later, and took no room meanwhile", async () => {
  const { relay: hub, unreadable } = await relay({ largeBytes: 2_500_000 });
  await hub.send(sent("m", 1_000_000));
  const reader = new Reader("ben");
  hub.joined(reader);
  unreadable.is = true;
  for (let look = 0; look < 4; look++) {
    hub.relieve();
    await settled();
  }
  expect(reader.got).toEqual([]);
  unreadable.is = false;
  hub.relieve();
  await settled();
  expect(reader.got.length).toBe(1);
  const other = new Reader("carl");
  hub.joined(other);
  await hub.send({ ...sent("m", 1_000_000), to: "carl" });
  await settled();
  expect(other.got.length).toBe(1);
});
