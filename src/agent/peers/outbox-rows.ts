// The outbox to paired devices in the state database.
import { sql, type Kysely } from "kysely";
import type { PeerRows } from "../../client/peers/store.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import type { StateDatabase } from "../state-migrations.ts";

const NOTHING = new Uint8Array(0);
/** Neither delivered nor dropped. */
const WAITING = ["queued", "relayed"] as const;

export function outboxRows(db: Kysely<StateDatabase>): PeerRows["outbox"] {
  return {
    async add(row) {
      await db.insertInto("outbox").values(row).execute();
    },
    find: (id) => db.selectFrom("outbox").selectAll().where("id", "=", id).executeTakeFirst(),
    at: ({ peer, epoch, sequence }) =>
      db
        .selectFrom("outbox")
        .selectAll()
        .where("peer", "=", peer)
        .where("epoch", "=", epoch)
        .where("sequence", "=", sequence)
        .executeTakeFirst(),
    queued: (peer, { after, limit }) =>
      db
        .selectFrom("outbox")
        .selectAll()
        .where("peer", "=", peer)
        .where("state", "=", "queued")
        .where("sequence", ">", after)
        .orderBy("sequence")
        .limit(limit)
        .execute(),
    oldestRelayed: (peer) =>
      db
        .selectFrom("outbox")
        .selectAll()
        .where("peer", "=", peer)
        .where("state", "=", "relayed")
        .orderBy("sequence")
        .limit(1)
        .executeTakeFirst(),
    // A signed acknowledgement may have been quicker than the hub's answer.
    async markRelayed(ids) {
      if (ids.length === 0) return;
      await db
        .updateTable("outbox")
        .set({ state: "relayed" })
        .where("id", "in", [...ids])
        .where("state", "=", "queued")
        .execute();
    },
    async markDelivered({ peer, epoch, sequence }) {
      await db
        .updateTable("outbox")
        .set({ state: "delivered", body: NOTHING })
        .where("peer", "=", peer)
        .where("epoch", "=", epoch)
        .where("sequence", "<=", sequence)
        .where("state", "in", WAITING)
        .execute();
    },
    async queueAgain({ peer, epoch, from, to }) {
      const rows = await db
        .updateTable("outbox")
        .set({ state: "queued" })
        .where("peer", "=", peer)
        .where("epoch", "=", epoch)
        .where("sequence", ">=", from)
        .where("sequence", "<=", to)
        .where("state", "in", WAITING)
        .returning("sequence")
        .execute();
      return rows.map(({ sequence }) => sequence);
    },
    renumber: (peer, epoch) => inTransaction(db, (transaction) => renumber(transaction, peer, epoch)),
    async drop(peer) {
      const result = await db
        .updateTable("outbox")
        .set({ state: "dropped", body: NOTHING })
        .where("peer", "=", peer)
        .where("state", "in", WAITING)
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },
    async forgetBefore(atMs) {
      await db
        .deleteFrom("outbox")
        .where("state", "in", ["delivered", "dropped"])
        .where("created_at", "<", atMs)
        .execute();
    },
    waiting: (peer) =>
      db
        .selectFrom("outbox")
        .select((row) => [
          row.fn.countAll<number>().as("count"),
          sql<number>`coalesce(sum(length(body)), 0)`.as("bytes"),
        ])
        .where("peer", "=", peer)
        .where("state", "in", WAITING)
        .executeTakeFirstOrThrow(),
  };
}

async function renumber(db: Kysely<StateDatabase>, peer: string, epoch: Uint8Array): Promise<number> {
  const rows = await db
    .selectFrom("outbox")
    .select("id")
    .where("peer", "=", peer)
    .where("state", "in", WAITING)
    .orderBy("sequence")
    .execute();
  for (const [at, { id }] of rows.entries()) {
    const place = { epoch, sequence: at + 1, state: "queued" as const };
    await db.updateTable("outbox").set(place).where("id", "=", id).execute();
  }
  return rows.length;
}
