import { expect, test } from "bun:test";
import { memoryPeerStore } from "./memory-store.ts";
import { queueMessage } from "./outbox.ts";
import type { Amount } from "./rows.ts";
import type { PeerRows } from "./store.ts";

/** Rows of a peer for whom so much waits already. */
async function waitingFor(amount: Amount): Promise<PeerRows> {
  const store = await memoryPeerStore();
  await store.peers.put({
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
    next_sequence: 7,
  });
  return { ...store, outbox: { ...store.outbox, waiting: () => Promise.resolve(amount) } };
}

function queued(rows: PeerRows, kind: string): Promise<string> {
  const message = { id: kind, peer: "p", kind, body: new Uint8Array(10) };
  return queueMessage(rows, message, 0).then(
    ({ sequence }) => `number ${sequence}`,
    (error: Error) => error.message,
  );
}

test("at the bounds the sender is told, and what the device itself has to say has a little more room", async () => {
  const full = "too much waits for ben already";
  const almost = await waitingFor({ count: 19_999, bytes: 0 });
  expect([await queued(almost, "text"), await queued(almost, "control")]).toEqual(["number 7", "number 8"]);
  const many = await waitingFor({ count: 20_000, bytes: 0 });
  expect([await queued(many, "text"), await queued(many, "control")]).toEqual([full, "number 7"]);
  const large = await waitingFor({ count: 1, bytes: many.room.outboxBytes });
  expect([await queued(large, "text"), await queued(large, "control")]).toEqual([full, "number 7"]);
  const most = await waitingFor({ count: 21_000, bytes: 0 });
  expect(await queued(most, "control")).toBe(full);
});
