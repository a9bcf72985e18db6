import { expect, test } from "bun:test";
import { appendEntry, beginLog, type NewEntry, type OwnerLog } from "../identity/owner-log.ts";
import { begun, crypto, home, member, newKey, newSigner } from "../identity/owner-log.fixture.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import type { EntryBody } from "../protocol/owner-log.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import { realWorld } from "../world/real.ts";
import { ObeyedLogs } from "./obeyed-logs.ts";
import { sharedWith } from "./obeyed-logs.fixture.ts";
import { OwnerBook } from "./owner-book.ts";
import { FakeHub, stateStore } from "./testing.ts";

const pi = newSigner();
const owner = await appendEntry(crypto, begun, { kind: "member", body: member(pi), signer: home });
const { shared, theirs, mate, ended } = await sharedWith({ owner, admin: home, device: pi });
const root = toBase64Url(owner.id);
const other = toBase64Url(theirs.id);

type Store = Awaited<ReturnType<typeof stateStore>>;

/** As an agent opens them at its start; `shown` is what the hub has. */
async function opened({ db }: Store, ...shown: OwnerLog[]): Promise<{ logs: ObeyedLogs; own: OwnerBook }> {
  const hub = new FakeHub();
  hub.connect();
  hub.override = (asked) => {
    if (asked.type !== "log_get") return undefined;
    const found = shown.find(({ id }) => toBase64Url(id) === asked.owner_root);
    const entries = [...(found?.entries ?? [])].slice(asked.from);
    return { type: "log_entries", id: "1", owner_root: asked.owner_root, entries };
  };
  const notices = { set() {}, clear() {} };
  const open = (ownerRoot: string): OwnerBook =>
    new OwnerBook({ db, crypto, hub, ownerRoot, notices, log: SILENT_LOG });
  const own = open(root);
  await own.load();
  const logs = new ObeyedLogs({ ownerRoot: root, publicKey: pi.publicKey, own, open });
  await logs.look();
  return { logs, own };
}

test("what was fetched of a co-owner's log is obeyed after a restart without a hub", async () => {
  const store = await stateStore(realWorld);
  const first = await opened(store, shared, theirs);
  await first.logs.fetch();
  expect(first.logs.knowing(mate.publicKey)?.log.refusal()).toBeUndefined();
  const { logs } = await opened(store);
  expect(logs.knowing(mate.publicKey)?.log.ownerRoot).toBe(other);
  expect(logs.of(other)?.refusal()).toBeUndefined();
  expect(logs.knowing(home.publicKey)?.log.ownerRoot).toBe(root);
  expect(logs.knowing(newSigner().publicKey)).toBeUndefined();
});

test("a share that is over stays so after a restart, and whoever holds it from before is refused", async () => {
  const store = await stateStore(realWorld);
  const { logs, own } = await opened(store, shared, theirs);
  await logs.fetch();
  const held = logs.of(other);
  await own.take(ended.entries);
  expect(held?.refusal()?.code).toBe("forbidden");
  await logs.look();
  expect(logs.of(other)).toBeUndefined();
  const again = await opened(store, shared, theirs);
  await again.logs.fetch();
  expect(again.logs.of(other)).toBeUndefined();
  expect(again.logs.knowing(mate.publicKey)).toBeUndefined();
});

test("entries of a log that counts for nothing here are refused", async () => {
  const { logs } = await opened(await stateStore(realWorld), owner);
  const problem = await logs.take(theirs.entries).catch((error: unknown) => error);
  expect(problem).toMatchObject({ code: "forbidden" });
});

test("the log of an owner who was let use something is kept, follows, and is obeyed by nobody", async () => {
  const store = await stateStore(realWorld);
  const guest = await beginLog(crypto, mate, {
    name: "mate",
    kind: "laptop",
    platform: "linux-x86_64",
    link_key: newKey(),
  });
  const id = toBase64Url(guest.id);
  const body: EntryBody<"key"> = {
    public_key: id,
    name: "Mate",
    holder: "owner",
    scopes: ["models"],
    capabilities: null,
    devices: [toBase64Url(pi.publicKey)],
    until: null,
  };
  const granted = await appendEntry(crypto, owner, { kind: "key", body, signer: home });
  const first = await opened(store, granted, guest);
  await first.logs.fetch();
  // By the hub's word alone, and after a restart without one.
  const { logs, own } = await opened(store);
  for (const one of [first.logs, logs]) {
    expect(one.granted(id)?.length).toBe(1);
    expect(one.of(id)).toBeUndefined();
    expect(one.knowing(mate.publicKey)).toBeUndefined();
    expect(one.mayCommand(mate.publicKey, Date.now())).toBe(false);
    expect(one.granted(root)).toBeUndefined();
  }
  const longer = await appendEntry(crypto, guest, {
    kind: "member",
    body: member(newSigner()),
    signer: mate,
  });
  await logs.followed(id)?.take(longer.entries);
  expect(logs.granted(id)?.length).toBe(2);
  const remove: NewEntry = { kind: "remove", body: { public_key: id }, signer: home };
  await own.take((await appendEntry(crypto, granted, remove)).entries);
  await logs.look();
  expect([logs.granted(id), logs.followed(id)]).toEqual([undefined, undefined]);
});
