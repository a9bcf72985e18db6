// Keeps the pairs and messages of this device in its state database: the rules are the library's, the rows are
// the tables of peer-tables.ts.
import type { Kysely } from "kysely";
import type { PeerRows, PeerStore } from "../../client/peers/store.ts";
import { appendAudit } from "../../store/audit.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import type { StateDatabase } from "../state-migrations.ts";
import { inboxRows } from "./inbox-rows.ts";
import { outboxRows } from "./outbox-rows.ts";
import { loadRing, saveRing } from "./ring-rows.ts";

/** As much as fits on any disk that such a device has. */
const ROOM = { inboxBytes: 512 * 1024 * 1024, outboxBytes: 256 * 1024 * 1024 };

export function sqlPeerStore(db: Kysely<StateDatabase>, now: () => number): PeerStore {
  return {
    ...sqlRows(db, now),
    change: (work) => inTransaction(db, (transaction) => work(sqlRows(transaction, now))),
  };
}

function sqlRows(db: Kysely<StateDatabase>, now: () => number): PeerRows {
  return {
    room: ROOM,
    peers: {
      find: (key) => db.selectFrom("peers").selectAll().where("key", "=", key).executeTakeFirst(),
      list: () => db.selectFrom("peers").selectAll().orderBy("petname").execute(),
      async put(row) {
        await db
          .insertInto("peers")
          .values(row)
          .onConflict((conflict) => conflict.column("key").doUpdateSet(row))
          .execute();
      },
      async change(key, change) {
        await db.updateTable("peers").set(change).where("key", "=", key).execute();
      },
      // Its keys and inbound rows go with it, by their foreign keys.
      async remove(key) {
        await db.deleteFrom("peers").where("key", "=", key).execute();
      },
    },
    keys: {
      load: (peer) => loadRing(db, peer),
      save: (peer, ring, nowMs) =>
        inTransaction(db, (transaction) => saveRing(transaction, { peer, ring, nowMs })),
    },
    outbox: outboxRows(db),
    inbox: inboxRows(db),
    record: (action, target, detail) =>
      appendAudit(db, { at: now(), actor: "device", action, target, detail }),
  };
}
