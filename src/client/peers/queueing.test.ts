import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import { memoryPeerStore } from "./memory-store.ts";
import { queueing } from "./queueing.ts";
import type { PeerRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

const PEER: PeerRow = {
  key: "p",
  link_key: new Uint8Array(32),
  receive_key: new Uint8Array(32),
  receive_key_at: 0,
  nickname: "Ben",
  petname: "ben",
  kind: "laptop",
  safety: "",
  verified: 0,
  since: 0,
  state: "paired",
  epoch: new Uint8Array(16),
  next_sequence: 1,
};

async function counted(): Promise<{ store: PeerStore; commits: () => number }> {
  const inner = await memoryPeerStore();
  await inner.peers.put(PEER);
  let commits = 0;
  const change: PeerStore["change"] = (work) => {
    commits += 1;
    return inner.change(work);
  };
  return { store: { ...inner, change }, commits: () => commits };
}

function message(id: string, peer = "p") {
  return { id, peer, kind: "text", body: new Uint8Array(3) };
}

test("a lone message is committed at once; those that come meanwhile share the next, in their order", async () => {
  const { store, commits } = await counted();
  const queue = queueing(store, () => 5);
  const rows = await Promise.all(Array.from({ length: 50 }, (_, at) => queue(message(`m${at}`))));
  expect(rows.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
  expect(rows.at(-1)).toMatchObject({ id: "m49", state: "queued", created_at: 5 });
  expect(commits()).toBe(2);
});

test("one that is refused takes no number and costs the others nothing", async () => {
  const { store } = await counted();
  const queue = queueing(store, () => 0);
  const results = await Promise.allSettled([
    queue(message("first")),
    queue(message("stray", "nobody")),
    queue(message("second")),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect((await store.outbox.find("second"))?.sequence).toBe(2);
});

test("a disk that is full refuses all of a commit, and none of them is kept", async () => {
  const { store } = await counted();
  const full: PeerStore["change"] = (work) =>
    store.change((rows) =>
      work({
        ...rows,
        outbox: {
          ...rows.outbox,
          add: () => Promise.reject(new MusterError("storage_full", "the disk is full")),
        },
      }),
    );
  const queue = queueing({ change: full }, () => 0);
  const results = await Promise.allSettled([
    queue(message("one")),
    queue(message("two")),
    queue(message("three")),
  ]);
  expect(results.map((result) => result.status === "rejected" && result.reason.code)).toEqual(
    Array.from({ length: 3 }, () => "storage_full"),
  );
  expect((await store.peers.find("p"))?.next_sequence).toBe(1);
});
