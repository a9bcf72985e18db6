// The pins of this device: rows of peers, found by key or by what a person calls them. A petname is this
// device's own and points at a key for good; what a peer calls itself points at nothing.
import type { Kysely, Selectable, Updateable } from "kysely";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { beginsId, deviceIdOf, parseDeviceId } from "../../protocol/ids.ts";
import { nameFromFolder } from "../../protocol/names.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import type { PairedPeer } from "../../identity/pairing/pairing-run.ts";
import { beginEpoch, dropWaiting } from "../outbox/outbox-rows.ts";
import type { StateDatabase } from "../state-migrations.ts";
import type { PeersTable } from "./peer-tables.ts";

export type PeerRow = Selectable<PeersTable>;

/** As many as a hub keeps for one key. */
const PEERS_MAX = 1_000;
export const PETNAME_MAX = 64;
const CANDIDATES_SHOWN = 5;

export interface NewPin {
  peer: PairedPeer;
  /** What the person here wants it to be called. */
  petname: string | undefined;
  verified: boolean;
  epoch: Uint8Array;
}

/**
 * Pins a key, inside the caller's transaction if there is one. A key that was pinned before keeps its petname
 * and what is on its way; its keys and words are the new ones. Throws `too_many`, `name_taken`.
 */
export function pinPeer(db: Kysely<StateDatabase>, pin: NewPin, nowMs: number): Promise<PeerRow> {
  return inTransaction(db, async (transaction) => {
    const { peer } = pin;
    const key = toBase64Url(peer.identityKey);
    const known = await findPeer(transaction, key);
    const others = (await listPeers(transaction)).filter((row) => row.key !== key);
    if (known === undefined && others.length >= PEERS_MAX) {
      throw new MusterError("too_many", `this device is paired with ${PEERS_MAX} others, which is the most`);
    }
    const petname = petnameFor(pin, { known, others });
    const facts = {
      link_key: peer.linkKey,
      receive_key: peer.receiveKey,
      nickname: peer.nickname,
      petname,
      kind: peer.kind,
      safety: peer.safetyWords.join(" "),
      verified: pin.verified ? 1 : 0,
      since: nowMs,
      state: "pinned" as const,
    };
    // The other side may have forgotten what has come from here: numbers begin anew for both.
    if (known?.state === "leaving") await dropWaiting(transaction, key);
    if (known !== undefined) await beginEpoch(transaction, { peer: key, epoch: pin.epoch });
    return transaction
      .insertInto("peers")
      .values({ ...facts, key, epoch: pin.epoch, next_sequence: 1 })
      .onConflict((conflict) => conflict.column("key").doUpdateSet(facts))
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

export function findPeer(db: Kysely<StateDatabase>, key: string): Promise<PeerRow | undefined> {
  return db.selectFrom("peers").selectAll().where("key", "=", key).executeTakeFirst();
}

export function listPeers(db: Kysely<StateDatabase>): Promise<PeerRow[]> {
  return db.selectFrom("peers").selectAll().orderBy("petname").execute();
}

export async function changePeer(
  db: Kysely<StateDatabase>,
  key: string,
  change: Omit<Updateable<PeersTable>, "key">,
): Promise<void> {
  await db.updateTable("peers").set(change).where("key", "=", key).execute();
}

/** Its keys go with it; what has come from it stays. */
export async function removePeer(db: Kysely<StateDatabase>, key: string): Promise<void> {
  await db.deleteFrom("peers").where("key", "=", key).execute();
}

/** By petname, by device id, or by the beginning of one. Throws `not_found`, `ambiguous`. */
export function choosePeer(
  peers: readonly PeerRow[],
  reference: string,
  sha256: (bytes: Uint8Array) => Uint8Array,
): PeerRow {
  const byName = peers.filter((peer) => peer.petname === reference);
  const id = parseDeviceId(reference);
  const matching =
    byName.length > 0
      ? byName
      : peers.filter((peer) => {
          const own = peerIdOf(peer, sha256);
          return own === id || beginsId(own, reference);
        });
  const [peer] = matching;
  const shown = reference.slice(0, PETNAME_MAX);
  if (peer === undefined) {
    throw new MusterError("not_found", `this device is paired with no "${shown}"`, {
      hint: "pair the two first: muster pair",
    });
  }
  if (matching.length === 1) return peer;
  throw new MusterError("ambiguous", `"${shown}" fits ${matching.length} paired devices`, {
    hint: `one of ${matching
      .slice(0, CANDIDATES_SHOWN)
      .map((one) => one.petname)
      .join(", ")}`,
  });
}

/** Computed from the pinned key, never taken from the hub. */
export function peerIdOf(peer: Pick<PeerRow, "key">, sha256: (bytes: Uint8Array) => Uint8Array): string {
  return deviceIdOf(sha256(fromBase64Url(peer.key) ?? new Uint8Array(0)));
}

function petnameFor(
  { petname, peer }: NewPin,
  { known, others }: { known: PeerRow | undefined; others: readonly PeerRow[] },
): string {
  const taken = new Set(others.map((row) => row.petname));
  if (petname !== undefined) {
    if (!taken.has(petname)) return petname;
    throw new MusterError("name_taken", `another paired device is called "${petname}" here`);
  }
  if (known !== undefined) return known.petname;
  const wish = nameFromFolder(peer.nickname) ?? "device";
  for (let number = 1; ; number++) {
    const name = number === 1 ? wish : `${wish}-${number}`;
    if (!taken.has(name)) return name;
  }
}
