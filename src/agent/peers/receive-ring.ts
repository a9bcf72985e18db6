// The receive keys made for one peer, between the database and the rules of the ring. Every change is stored
// in the transaction of what it came from, so that a key is never offered before it is kept.
import { type Kysely, sql } from "kysely";
import type { Crypto } from "../../identity/crypto.ts";
import { hpkeKey } from "../../identity/sealed/hpke.ts";
import { receiveKeyId, type FindReceiveKey } from "../../identity/sealed/message.ts";
import { ReceiveKeys } from "../../identity/sealed/receive-keys.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import type { StateDatabase } from "../state-migrations.ts";

export type Ring = ReceiveKeys<Uint8Array>;

export async function loadRing(db: Kysely<StateDatabase>, peer: string): Promise<Ring> {
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
  return new ReceiveKeys(
    rows.map((row) => ({
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
    erased.map(({ id }) => id),
  );
}

/** Inside the caller's transaction. A ring is a few rows, so it is written whole, in its order. */
export async function saveRing(
  db: Kysely<StateDatabase>,
  { peer, ring, nowMs }: { peer: string; ring: Ring; nowMs: number },
): Promise<void> {
  await db.deleteFrom("receive_keys").where("peer", "=", peer).execute();
  for (const row of ring.rows) {
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

export interface NewKey {
  id: Uint8Array;
  publicKey: Uint8Array;
  key: Uint8Array;
}

export function makeReceiveKey(crypto: Crypto): NewKey {
  const key = crypto.randomBytes(32);
  const publicKey = crypto.x25519PublicKey(key);
  return { id: receiveKeyId(crypto, publicKey), publicKey, key };
}

/** The newest, made now where the ring says that one is due. True when the ring has to be stored. */
export function freshen(crypto: Crypto, ring: Ring, nowMs: number): boolean {
  if (!ring.needsNew(nowMs)) return false;
  ring.add(makeReceiveKey(crypto), nowMs);
  return true;
}

/** What opening asks for, with the one key that it will ask for made usable. */
export async function openWith(subtle: SubtleCrypto, ring: Ring, id: Uint8Array): Promise<FindReceiveKey> {
  const row = ring.find(id);
  if (typeof row === "string") return { find: () => row };
  const key = await hpkeKey(subtle, { publicKey: row.publicKey, secret: row.key });
  return { find: () => ({ key }) };
}

/** Of an id that this file wrote. */
function bytesOf(text: string): Uint8Array {
  return fromBase64Url(text) ?? new Uint8Array(0);
}
