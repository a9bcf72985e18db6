// What has come from paired devices, in the state database.
import { sql, type Kysely } from "kysely";
import type { PeerRows } from "../../client/peers/store.ts";
import type { StateDatabase } from "../state-migrations.ts";

export function inboxRows(db: Kysely<StateDatabase>): PeerRows["inbox"] {
  return {
    inbound: ({ peer, epoch }) =>
      db
        .selectFrom("inbound")
        .selectAll()
        .where("peer", "=", peer)
        .where("epoch", "=", epoch)
        .executeTakeFirst(),
    async countEpochs(peer) {
      const { count } = await db
        .selectFrom("inbound")
        .select((row) => row.fn.countAll<number>().as("count"))
        .where("peer", "=", peer)
        .executeTakeFirstOrThrow();
      return count;
    },
    async putInbound(row) {
      await db
        .insertInto("inbound")
        .values(row)
        .onConflict((conflict) => conflict.columns(["peer", "epoch"]).doUpdateSet(row))
        .execute();
    },
    async add(row) {
      const inserted = await db
        .insertInto("inbox")
        .values(row)
        .onConflict((conflict) => conflict.columns(["peer", "epoch", "sequence"]).doNothing())
        .executeTakeFirst();
      return inserted.numInsertedOrUpdatedRows === 1n;
    },
    after: ({ peer, epoch, sequence }, limit) =>
      db
        .selectFrom("inbox")
        .select(["sequence", "id", "kind"])
        .where("peer", "=", peer)
        .where("epoch", "=", epoch)
        .where("sequence", ">", sequence)
        .orderBy("sequence")
        .limit(limit)
        .execute(),
    async show({ peer, epoch, sequence }) {
      await db
        .updateTable("inbox")
        .set({ position: sql`(select coalesce(max(position), 0) + 1 from inbox)` })
        .where("peer", "=", peer)
        .where("epoch", "=", epoch)
        .where("sequence", "=", sequence)
        .execute();
    },
    async dropUpTo({ peer, epoch, sequence }, kind) {
      await db
        .deleteFrom("inbox")
        .where("peer", "=", peer)
        .where("epoch", "=", epoch)
        .where("kind", "=", kind)
        .where("sequence", "<=", sequence)
        .execute();
    },
    async cameInAnother({ peer, epoch }, id) {
      const row = await db
        .selectFrom("inbox")
        .select("id")
        .where("peer", "=", peer)
        .where("id", "=", id)
        .where("epoch", "!=", epoch)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async unread(peer) {
      // Of the two indexes that begin with the peer the planner takes the key's, and reads all that ever came.
      const { rows } = await sql<{ count: number; bytes: number }>`
        select count(*) as count, coalesce(sum(length(body)), 0) as bytes
        from inbox indexed by inbox_unread where peer = ${peer} and read = 0`.execute(db);
      return rows[0] ?? { count: 0, bytes: 0 };
    },
    list: ({ after, limit, unread }) =>
      db
        .selectFrom("inbox")
        .selectAll()
        .where("position", ">", after)
        .$if(unread, (query) => query.where("read", "=", 0))
        .orderBy("position")
        .limit(limit)
        .execute(),
    async markRead(upTo) {
      await db
        .updateTable("inbox")
        .set({ read: 1 })
        .where("position", "<=", upTo)
        .where("read", "=", 0)
        .execute();
    },
  };
}
