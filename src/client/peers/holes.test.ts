import { beforeEach, expect, test } from "bun:test";
import { FakeTime } from "../../trunk/testing.ts";
import { Holes } from "./holes.ts";
import { memoryPeerStore } from "./memory-store.ts";
import type { PeerStore } from "./store.ts";

const EPOCH = { peer: "p", epoch: "e" };
const FIRST_MS = 1_000;
const AGAIN_MS = 30_000;

let time: FakeTime;
let store: PeerStore;
let asked: { from: number; to: number }[];
let problems: number;

beforeEach(async () => {
  time = new FakeTime();
  store = await memoryPeerStore();
  asked = [];
  problems = 0;
  await store.peers.put({
    key: "p",
    link_key: new Uint8Array(32),
    receive_key: new Uint8Array(32),
    receive_key_at: 0,
    nickname: "Ben",
    petname: "ben",
    kind: "laptop",
    safety: "one two three four five",
    verified: 0,
    since: 0,
    state: "paired",
    epoch: new Uint8Array(16),
    next_sequence: 1,
  });
});

function holes(given: PeerStore = store): Holes {
  return new Holes({
    store: given,
    timers: time,
    notices: { set: () => {}, clear: () => {} },
    ask: async (_, { from, to }) => void asked.push({ from, to }),
    background: (_, work) => void work.catch(() => (problems += 1)),
  });
}

async function pass(ms: number): Promise<void> {
  time.advance(ms);
  await new Promise<void>((resolve) => setImmediate(resolve));
}

const came = (sequence: number) =>
  store.inbox.add({
    ...EPOCH,
    sequence,
    id: `m${sequence}`,
    kind: "text",
    body: new Uint8Array(0),
    position: null,
    at: 0,
    read: 0,
  });

test("a look that fails is followed by another", async () => {
  let fails = 1;
  const find: PeerStore["peers"]["find"] = (key) =>
    fails-- > 0 ? Promise.reject(new Error("a disk error")) : store.peers.find(key);
  const made = holes({ ...store, peers: { ...store.peers, find } });
  await came(3);
  made.watch(EPOCH);
  await pass(FIRST_MS);
  expect({ asked, problems }).toEqual({ asked: [], problems: 1 });
  await pass(AGAIN_MS);
  expect(asked).toEqual([{ from: 1, to: 2 }]);
  made.stop();
  expect(time.pendingTimers).toBe(0);
});

test("what comes while a look finds nothing is looked at in its turn", async () => {
  const looking = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<undefined>();
  let looks = 0;
  const inbound: PeerStore["inbox"]["inbound"] = () => {
    looks += 1;
    looking.resolve();
    return looks === 1 ? answer.promise : Promise.resolve(undefined);
  };
  const after: PeerStore["inbox"]["after"] = async (...given) =>
    looks === 1 ? [] : store.inbox.after(...given);
  const made = holes({ ...store, inbox: { ...store.inbox, inbound, after } });
  made.watch(EPOCH);
  await pass(FIRST_MS);
  await looking.promise;
  await came(3);
  made.watch(EPOCH);
  answer.resolve(undefined);
  await pass(0);
  await pass(AGAIN_MS);
  expect(asked).toEqual([{ from: 1, to: 2 }]);
  made.stop();
});
