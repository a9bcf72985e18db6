// Receive keys in the state database. A ring is a few rows, so it is written whole, in its order.
import { type Kysely, sql } from "kysely";
import type { RingRows } from "../../client/peers/rows.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import type { StateDatabase } from "../state-migrations.ts";

export async function loadRing(db: Kysely<StateDatabase>, peer: string): Promise<RingRows> {
  const rows = await db
    .selectFrom("receive_keys")
    .selectAll()
    .where("peer", "=", peer)
    .orderBy(sql`rowid`)
    .execute();
  const erased = await db
    .selectFrom("erased_keys")
    .select("id")
    .where("peer", "=", peer)
    .orderBy("erased_at")
    .execute();
  return {
    rows: rows.map((row) => ({
      id: bytesOf(row.id),
      publicKey: row.public_key,
      key: row.secret,
      madeAtMs: row.made_at,
      replacedAtMs: row.replaced_at,
      used: row.used === 1,
      firstMessage:
        row.first_epoch === null || row.first_sequence === null
          ? null
          : { epoch: row.first_epoch, sequence: row.first_sequence },
    })),
    erasedIds: erased.map(({ id }) => id),
  };
}

/** Inside the caller's transaction. */
export async function saveRing(
  db: Kysely<StateDatabase>,
  { peer, ring, nowMs }: { peer: string; ring: RingRows; nowMs: number },
): Promise<void> {
  await db.deleteFrom("receive_keys").where("peer", "=", peer).execute();
  for (const row of ring.rows) {
    // The agent makes its keys as bytes.
    if (!(row.key instanceof Uint8Array)) throw new TypeError("a key of WebCrypto can't be kept in a table");
    await db
      .insertInto("receive_keys")
      .values({
        id: toBase64Url(row.id),
        peer,
        public_key: row.publicKey,
        secret: row.key,
        made_at: row.madeAtMs,
        replaced_at: row.replacedAtMs,
        used: row.used ? 1 : 0,
        first_epoch: row.firstMessage?.epoch ?? null,
        first_sequence: row.firstMessage?.sequence ?? null,
      })
      .execute();
  }
  const kept = new Set(ring.erasedIds);
  const stored = await db.selectFrom("erased_keys").select("id").where("peer", "=", peer).execute();
  for (const { id } of stored) {
    if (!kept.delete(id)) await db.deleteFrom("erased_keys").where("id", "=", id).execute();
  }
  for (const id of kept) {
    await db.insertInto("erased_keys").values({ id, peer, erased_at: nowMs }).execute();
  }
}

/** Of an id that this file wrote. */
function bytesOf(text: string): Uint8Array {
  return fromBase64Url(text) ?? new Uint8Array(0);
}
