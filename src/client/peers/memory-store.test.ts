import { expect, test } from "bun:test";
import type { KeptChange, RowKeeper } from "./kept-tables.ts";
import { memoryPeerStore } from "./memory-store.ts";
import type { InboxRow } from "./rows.ts";
import { storeSuite } from "./store.fixture.ts";

/** As a database would keep it: by table and key. */
function keeper(): RowKeeper & { rows: Map<string, KeptChange>; fails: boolean } {
  const rows = new Map<string, KeptChange>();
  return {
    rows,
    fails: false,
    load: () => Promise.resolve([...rows.values()]),
    save(changes) {
      if (this.fails) return Promise.reject(new Error("the disk is full"));
      for (const change of changes) {
        const name = `${change.table} ${change.key}`;
        if (change.row === undefined) rows.delete(name);
        else rows.set(name, structuredClone(change));
      }
      return Promise.resolve();
    },
  };
}

storeSuite("memory", async () => ({ store: await memoryPeerStore(), async [Symbol.asyncDispose]() {} }));
storeSuite("memory with a keeper", async () => ({
  store: await memoryPeerStore(keeper()),
  async [Symbol.asyncDispose]() {},
}));

function came(sequence: number): InboxRow {
  const place = { peer: "p", epoch: "e", sequence, id: `id-${sequence}` };
  return { ...place, position: null, kind: "text", body: new Uint8Array(8), at: 1, read: 0 };
}

test("what a keeper has is there in the next life, positions too", async () => {
  const kept = keeper();
  const before = await memoryPeerStore(kept);
  for (const sequence of [1, 2]) {
    await before.inbox.add(came(sequence));
    await before.inbox.show({ peer: "p", epoch: "e", sequence });
  }
  await before.inbox.markRead(1);
  const after = await memoryPeerStore(kept);
  const list = await after.inbox.list({ after: 0, limit: 9, unread: true });
  expect(list.map(({ id, position }) => [id, position])).toEqual([["id-2", 2]]);
  await after.inbox.add(came(3));
  await after.inbox.show({ peer: "p", epoch: "e", sequence: 3 });
  expect(
    (await after.inbox.list({ after: 2, limit: 9, unread: false })).map(({ position }) => position),
  ).toEqual([3]);
});

test("what could not be kept has not happened", async () => {
  const kept = keeper();
  const store = await memoryPeerStore(kept);
  kept.fails = true;
  const failed = await store.inbox.add(came(1)).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(Error);
  kept.fails = false;
  expect(await store.inbox.unread("p")).toEqual({ count: 0, bytes: 0 });
  expect(await store.inbox.add(came(1))).toBe(true);
});

test("of what was read and delivered, the newest thousand stay", async () => {
  const store = await memoryPeerStore();
  await store.change(async ({ inbox, outbox }) => {
    for (let sequence = 1; sequence <= 1_010; sequence++) {
      await inbox.add({ ...came(sequence), position: sequence });
      const message = { id: `m-${sequence}`, peer: "p", epoch: new Uint8Array(16), sequence, kind: "text" };
      await outbox.add({ ...message, body: new Uint8Array(1), state: "queued", created_at: sequence });
    }
    await inbox.markRead(1_010);
    await outbox.markDelivered({ peer: "p", epoch: new Uint8Array(16), sequence: 1_010 });
  });
  const read = await store.inbox.list({ after: 0, limit: 5_000, unread: false });
  expect([read.length, read[0]?.id]).toEqual([1_000, "id-11"]);
  expect(await store.outbox.find("m-10")).toBeUndefined();
  expect((await store.outbox.find("m-11"))?.state).toBe("delivered");
});
