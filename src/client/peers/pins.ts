// The pins of this device, found by key or by what a person calls them. A petname is this device's own and points
// at a key for good; what a peer calls itself points at nothing.
import type { PairedPeer } from "../../identity/pairing/pairing-run.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { beginsId, deviceIdOf, parseDeviceId } from "../../protocol/ids.ts";
import { nameFromFolder } from "../../protocol/names.ts";
import type { PeerRow } from "./rows.ts";
import type { PeerRows } from "./store.ts";

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
 * Pins a key. One that was pinned before keeps its petname and what is on its way; its keys and words are the new
 * ones. Throws `too_many`, `name_taken`.
 */
export async function pinPeer(rows: PeerRows, pin: NewPin, nowMs: number): Promise<PeerRow> {
  const { peer } = pin;
  const key = toBase64Url(peer.identityKey);
  const known = await rows.peers.find(key);
  const others = (await rows.peers.list()).filter((row) => row.key !== key);
  if (known === undefined && others.length >= PEERS_MAX) {
    throw new MusterError("too_many", `this device is paired with ${PEERS_MAX} others, which is the most`);
  }
  // The other side may have forgotten what has come from here: numbers begin anew for both.
  if (known?.state === "leaving") await rows.outbox.drop(key);
  const waiting = known === undefined ? 0 : await rows.outbox.renumber(key, pin.epoch);
  const row: PeerRow = {
    key,
    link_key: peer.linkKey,
    receive_key: peer.receiveKey,
    receive_key_at: 0,
    nickname: peer.nickname,
    petname: petnameFor(pin, { known, others }),
    kind: peer.kind,
    safety: peer.safetyWords.join(" "),
    verified: pin.verified ? 1 : 0,
    since: nowMs,
    state: "pinned",
    epoch: pin.epoch,
    next_sequence: waiting + 1,
  };
  await rows.peers.put(row);
  return row;
}

/**
 * Calls it that, or, without a wish, after what it calls itself. Resolves with the new petname. Throws `name_taken`,
 * `not_found`.
 */
export async function namePeer(rows: PeerRows, key: string, wish: string | undefined): Promise<string> {
  const peer = await rows.peers.find(key);
  if (peer === undefined) throw new MusterError("not_found", "the pairing with that device is over");
  const others = (await rows.peers.list()).filter((row) => row.key !== key);
  const petname = petnameFor({ petname: wish, peer }, { known: undefined, others });
  await rows.peers.change(key, { petname });
  return petname;
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
  { petname, peer }: { petname: string | undefined; peer: { nickname: string } },
  { known, others }: { known: PeerRow | undefined; others: readonly PeerRow[] },
): string {
  const taken = new Set(others.map((row) => row.petname));
  if (petname !== undefined) {
    if (!taken.has(petname)) return petname;
    throw nameTaken(petname);
  }
  if (known !== undefined) return known.petname;
  const wish = nameFromFolder(peer.nickname) ?? "device";
  for (let number = 1; ; number++) {
    const name = number === 1 ? wish : `${wish}-${number}`;
    if (!taken.has(name)) return name;
  }
}

function nameTaken(petname: string): MusterError {
  return new MusterError("name_taken", `another paired device is called "${petname}" here`);
}
