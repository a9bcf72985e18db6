import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendEntry, type OwnerLog } from "../identity/owner-log.ts";
import { crypto, full, home, member, newSigner } from "../identity/owner-log.fixture.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import type { Store } from "../store/open-store.ts";
import { realWorld } from "../world/real.ts";
import { LogFollower } from "./log-follower.ts";
import { ObeyedLogs } from "./obeyed-logs.ts";
import { OwnerBook } from "./owner-book.ts";
import type { StateDatabase } from "./state-migrations.ts";
import { FakeHub, stateStore, TestTime, until } from "./testing.ts";

const ROOT = toBase64Url(full.id);
const AGAIN_MS = 30_000;

let store: Store<StateDatabase>;
let hub: FakeHub;
let time: TestTime;
let book: OwnerBook;
let follower: LogFollower;
let log: OwnerLog;

beforeEach(async () => {
  store = await stateStore(realWorld);
  hub = new FakeHub();
  hub.ownerRoot = ROOT;
  hub.entries = [...full.entries];
  hub.connect();
  time = new TestTime();
  const notices = { set() {}, clear() {} };
  const open = (ownerRoot: string): OwnerBook =>
    new OwnerBook({ db: store.db, crypto, hub, ownerRoot, notices, log: SILENT_LOG });
  book = open(ROOT);
  const logs = new ObeyedLogs({ ownerRoot: ROOT, publicKey: newSigner().publicKey, own: book, open });
  const inBackground = (_: string, work: Promise<void>): void => void work.catch(() => {});
  follower = new LogFollower({ timers: time, hub, logs, inBackground });
  follower.connected([]);
  await until(() => book.log?.length === full.length);
  log = full;
});

afterEach(async () => {
  follower.close();
  expect(time.pendingTimers).toBe(0);
  await store.close();
});

/** Two more, which the hub has from now on. */
async function grow(): Promise<void> {
  for (let number = 0; number < 2; number++) {
    log = await appendEntry(crypto, log, { kind: "member", body: member(newSigner()), signer: home });
  }
  hub.entries = [...log.entries];
}

test("news whose predecessors are missing here are taken with them", async () => {
  await grow();
  follower.heard(ROOT, log.entries.slice(-1));
  await until(() => book.log?.length === log.length);
});

test("what can't be taken is asked for again while there is a session, until it is", async () => {
  await grow();
  let refusals = 0;
  hub.override = () => {
    refusals += 1;
    if (refusals > 2) return undefined;
    throw new MusterError("too_many", "later");
  };
  follower.heard(ROOT, log.entries.slice(-1));
  await until(() => refusals === 1 && time.pendingTimers === 1);
  hub.lose();
  time.advance(AGAIN_MS);
  expect(time.pendingTimers).toBe(0);
  hub.connect();
  follower.connected([]);
  await until(() => refusals === 2 && time.pendingTimers === 1);
  time.advance(AGAIN_MS);
  await until(() => book.log?.length === log.length);
});

test("a hub that refuses to show a log is not asked again and again", async () => {
  let refusals = 0;
  hub.override = () => {
    refusals += 1;
    throw new MusterError("forbidden", "it is not yours");
  };
  follower.connected([]);
  await until(() => refusals === 1);
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(time.pendingTimers).toBe(0);
});
