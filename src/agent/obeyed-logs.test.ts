import { expect, test } from "bun:test";
import { appendEntry, type OwnerLog } from "../identity/owner-log.ts";
import { begun, crypto, home, member, newSigner } from "../identity/owner-log.fixture.ts";
import { toBase64Url } from "../protocol/bytes.ts";
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
