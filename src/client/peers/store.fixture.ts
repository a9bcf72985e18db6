// What every store of pairs and messages does alike. Each implementation runs this whole suite.
import { expect, test } from "bun:test";
import type { InboxRow, OutboxRow, PeerRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

export interface OpenedStore extends AsyncDisposable {
  store: PeerStore;
}

const EPOCH = new Uint8Array(16).fill(7);
const OTHER_EPOCH = new Uint8Array(16).fill(8);
const EMPTY = new Uint8Array(0);

function peer(key: string, change: Partial<PeerRow> = {}): PeerRow {
  return {
    key,
    link_key: new Uint8Array(32).fill(1),
    receive_key: new Uint8Array(32).fill(2),
    receive_key_at: 0,
    nickname: "Ben",
    petname: `pet-${key}`,
    kind: "laptop",
    safety: "one two three four five",
    verified: 0,
    since: 5,
    state: "paired",
    epoch: EPOCH,
    next_sequence: 1,
    ...change,
  };
}

function sent(id: string, sequence: number, change: Partial<OutboxRow> = {}): OutboxRow {
  const body = new Uint8Array(10).fill(sequence);
  return {
    id,
    peer: "p",
    epoch: EPOCH,
    sequence,
    kind: "text",
    body,
    state: "queued",
    created_at: 1,
    ...change,
  };
}

function came(sequence: number, change: Partial<InboxRow> = {}): InboxRow {
  const body = new Uint8Array(4).fill(sequence);
  const place = { peer: "p", epoch: "e", sequence, id: `id-${sequence}` };
  return { ...place, position: null, kind: "text", body, at: 1, read: 0, ...change };
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);

export function storeSuite(name: string, open: () => Promise<OpenedStore>): void {
  const check = (title: string, run: (store: PeerStore) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      await using opened = await open();
      await run(opened.store);
    });
  };

  check("a peer is put, found, listed by petname, changed and removed", async ({ peers }) => {
    await peers.put(peer("b", { petname: "zoe" }));
    await peers.put(peer("a", { petname: "ben" }));
    await peers.put(peer("b", { petname: "anna" }));
    expect((await peers.list()).map(({ petname }) => petname)).toEqual(["anna", "ben"]);
    await peers.change("a", { verified: 1, receive_key: new Uint8Array(32).fill(9) });
    expect(await peers.find("a")).toEqual(
      peer("a", { petname: "ben", verified: 1, receive_key: new Uint8Array(32).fill(9) }),
    );
    await peers.change("unknown", { verified: 1 });
    await peers.remove("a");
    expect(await peers.find("a")).toBeUndefined();
    expect(await peers.find("unknown")).toBeUndefined();
  });

  check("what a change throws undoes it, and nobody sees half of one", async (store) => {
    await store.peers.put(peer("p"));
    const failing = store.change(async (rows) => {
      await rows.peers.change("p", { petname: "half" });
      await rows.outbox.add(sent("m1", 1));
      await rows.inbox.add(came(1));
      throw new Error("no");
    });
    const [failed, seen] = await Promise.allSettled([failing, store.peers.find("p")]);
    expect(failed.status).toBe("rejected");
    expect(seen).toMatchObject({ value: { petname: "pet-p" } });
    expect(await store.outbox.find("m1")).toBeUndefined();
    expect(await store.inbox.after({ peer: "p", epoch: "e", sequence: 0 }, 10)).toEqual([]);
  });

  check("changes come one after the other", async (store) => {
    await store.peers.put(peer("p"));
    const count = (): Promise<void> =>
      store.change(async (rows) => {
        const row = await rows.peers.find("p");
        await Promise.resolve();
        await rows.peers.change("p", { next_sequence: (row?.next_sequence ?? 0) + 1 });
      });
    await Promise.all([count(), count(), count(), count()]);
    expect((await store.peers.find("p"))?.next_sequence).toBe(5);
  });

  check("a ring of receive keys is kept whole, in its order, until its peer goes", async (store) => {
    await store.peers.put(peer("p"));
    const key = (fill: number, replacedAtMs: number | null) => ({
      id: new Uint8Array(32).fill(fill),
      publicKey: new Uint8Array(32).fill(fill + 1),
      key: new Uint8Array(32).fill(fill + 2),
      madeAtMs: fill,
      replacedAtMs,
      used: replacedAtMs !== null,
      firstMessage: replacedAtMs === null ? null : { epoch: "e", sequence: 3 },
    });
    const ring = { rows: [key(50, 60), key(20, null)], erasedIds: ["x".repeat(43), "y".repeat(43)] };
    await store.keys.save("p", ring, 1);
    expect(await store.keys.load("p")).toEqual(ring);
    const later = { rows: [key(20, 70)], erasedIds: ["y".repeat(43)] };
    await store.keys.save("p", later, 2);
    expect(await store.keys.load("p")).toEqual(later);
    await store.peers.remove("p");
    expect(await store.keys.load("p")).toEqual({ rows: [], erasedIds: [] });
  });

  check("the outbox goes from queued over relayed to delivered, and back when asked", async ({ outbox }) => {
    for (const row of [sent("m2", 2), sent("m1", 1), sent("m3", 3)]) await outbox.add(row);
    await outbox.add(sent("else", 1, { peer: "q" }));
    expect(idsOf(await outbox.queued("p", { after: 0, limit: 2 }))).toEqual(["m1", "m2"]);
    expect(idsOf(await outbox.queued("p", { after: 1, limit: 9 }))).toEqual(["m2", "m3"]);
    expect(await outbox.waiting("p")).toEqual({ count: 3, bytes: 30 });
    await outbox.markRelayed([]);
    await outbox.markRelayed(["m2", "m1", "unknown"]);
    expect((await outbox.oldestRelayed("p"))?.id).toBe("m1");
    await outbox.markDelivered({ peer: "p", epoch: OTHER_EPOCH, sequence: 3 });
    expect(await outbox.waiting("p")).toEqual({ count: 3, bytes: 30 });
    await outbox.markDelivered({ peer: "p", epoch: EPOCH, sequence: 1 });
    expect(await outbox.find("m1")).toEqual(sent("m1", 1, { state: "delivered", body: EMPTY }));
    await outbox.markRelayed(["m1"]);
    expect((await outbox.at({ peer: "p", epoch: EPOCH, sequence: 1 }))?.state).toBe("delivered");
    const again = await outbox.queueAgain({ peer: "p", epoch: EPOCH, from: 1, to: 9 });
    expect(new Set(again)).toEqual(new Set([2, 3]));
    expect(idsOf(await outbox.queued("p", { after: 0, limit: 9 }))).toEqual(["m2", "m3"]);
    expect(await outbox.at({ peer: "p", epoch: OTHER_EPOCH, sequence: 2 })).toBeUndefined();
  });

  check(
    "what waits gets new numbers, or is dropped; what is over goes when it is old",
    async ({ outbox }) => {
      for (const row of [sent("m4", 4), sent("m7", 7), sent("m2", 2, { state: "delivered" })])
        await outbox.add(row);
      await outbox.markRelayed(["m7"]);
      expect(await outbox.renumber("p", OTHER_EPOCH)).toBe(2);
      expect(await outbox.find("m7")).toEqual(
        sent("m7", 2, { epoch: OTHER_EPOCH, body: new Uint8Array(10).fill(7) }),
      );
      expect((await outbox.find("m4"))?.sequence).toBe(1);
      expect(await outbox.drop("p")).toBe(2);
      expect(await outbox.find("m4")).toMatchObject({ state: "dropped", body: EMPTY });
      expect(await outbox.waiting("p")).toEqual({ count: 0, bytes: 0 });
      await outbox.forgetBefore(1);
      expect(await outbox.find("m4")).toBeDefined();
      await outbox.forgetBefore(2);
      expect(await outbox.find("m4")).toBeUndefined();
      expect(await outbox.find("m2")).toBeUndefined();
    },
  );

  check("a place in the inbox is taken once", async ({ inbox }) => {
    expect(await inbox.add(came(1))).toBe(true);
    expect(await inbox.add(came(1, { id: "other", body: EMPTY }))).toBe(false);
    expect(await inbox.add(came(1, { epoch: "f" }))).toBe(true);
    expect(await inbox.after({ peer: "p", epoch: "e", sequence: 0 }, 9)).toMatchObject([
      { sequence: 1, id: "id-1" },
    ]);
    expect(await inbox.cameInAnother({ peer: "p", epoch: "e" }, "id-1")).toBe(true);
    expect(await inbox.cameInAnother({ peer: "p", epoch: "e" }, "other")).toBe(false);
    expect(await inbox.cameInAnother({ peer: "q", epoch: "e" }, "id-1")).toBe(false);
  });

  check("readers see what was shown, in that order, unread until they say so", async ({ inbox }) => {
    for (const sequence of [3, 1, 2, 4]) await inbox.add(came(sequence));
    for (const sequence of [2, 1, 3]) await inbox.show({ peer: "p", epoch: "e", sequence });
    const page = { after: 0, limit: 9, unread: false };
    const rows = await inbox.list(page);
    expect(idsOf(rows)).toEqual(["id-2", "id-1", "id-3"]);
    const [first, second] = rows.map(({ position }) => position ?? 0);
    if (first === undefined || second === undefined) throw new Error("unreachable");
    expect(second).toBeGreaterThan(first);
    expect(await inbox.unread("p")).toEqual({ count: 4, bytes: 16 });
    await inbox.markRead(second);
    expect(await inbox.unread("p")).toEqual({ count: 2, bytes: 8 });
    expect(idsOf(await inbox.list({ ...page, unread: true }))).toEqual(["id-3"]);
    expect(idsOf(await inbox.list({ ...page, after: first, limit: 1 }))).toEqual(["id-1"]);
  });

  check("how far an epoch has come is kept until its peer goes; messages stay", async (store) => {
    const { inbox } = store;
    await store.peers.put(peer("p"));
    const row = { peer: "p", epoch: "e", complete: 3, last_id: "id-3", seen_at: 1 };
    await inbox.putInbound(row);
    await inbox.putInbound({ ...row, complete: 4 });
    await inbox.putInbound({ ...row, epoch: "f" });
    expect(await inbox.inbound({ peer: "p", epoch: "e" })).toEqual({ ...row, complete: 4 });
    expect(await inbox.countEpochs("p")).toBe(2);
    await inbox.add(came(3, { kind: "nothing" }));
    await inbox.add(came(4));
    await inbox.add(came(5, { kind: "nothing" }));
    await inbox.dropUpTo({ peer: "p", epoch: "e", sequence: 4 }, "nothing");
    const left = await inbox.after({ peer: "p", epoch: "e", sequence: 0 }, 9);
    expect(left.map(({ sequence }) => sequence)).toEqual([4, 5]);
    await store.peers.remove("p");
    expect(await inbox.inbound({ peer: "p", epoch: "e" })).toBeUndefined();
    expect(await inbox.countEpochs("p")).toBe(0);
    expect(await inbox.after({ peer: "p", epoch: "e", sequence: 0 }, 1)).toHaveLength(1);
  });
}
