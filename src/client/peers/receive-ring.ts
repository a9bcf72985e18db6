// The receive keys made for one peer, between the store and the rules of the ring. Every change is stored with
// what it came from, so that a key is never offered before it is kept.
import type { Crypto } from "../../identity/crypto.ts";
import { hpkeKey } from "../../identity/sealed/hpke.ts";
import { receiveKeyId, type FindReceiveKey } from "../../identity/sealed/message.ts";
import { ReceiveKeys } from "../../identity/sealed/receive-keys.ts";
import type { ReceiveSecret } from "./rows.ts";
import type { PeerRows } from "./store.ts";

type Ring = ReceiveKeys<ReceiveSecret>;

export interface NewKey {
  id: Uint8Array;
  publicKey: Uint8Array;
  key: ReceiveSecret;
}

export type MakeReceiveKey = () => NewKey | Promise<NewKey>;

/** Keys as 32 bytes, for programs that keep their secrets in files. */
export function rawReceiveKeys(crypto: Crypto): () => NewKey {
  return () => {
    const key = crypto.randomBytes(32);
    const publicKey = crypto.x25519PublicKey(key);
    return { id: receiveKeyId(crypto, publicKey), publicKey, key };
  };
}

/** Keys whose private halves no script can read, for browsers. */
export function webReceiveKeys(subtle: SubtleCrypto, crypto: Pick<Crypto, "sha256">): () => Promise<NewKey> {
  return async () => {
    const made = await subtle.generateKey("X25519", false, ["deriveBits"]);
    if (!("privateKey" in made)) throw new TypeError("X25519 is not a key pair here");
    const publicKey = new Uint8Array(await subtle.exportKey("raw", made.publicKey));
    return { id: crypto.sha256(publicKey), publicKey, key: made.privateKey };
  };
}

export async function loadRing(rows: PeerRows, peer: string): Promise<Ring> {
  const ring = await rows.keys.load(peer);
  return new ReceiveKeys(ring.rows, ring.erasedIds);
}

/**
 * The newest, made now where the ring says that one is due, or where the newest is older than `mostMs`. True when
 * the ring has to be stored.
 */
export async function freshen(
  make: MakeReceiveKey,
  ring: Ring,
  { nowMs, mostMs = Number.POSITIVE_INFINITY }: { nowMs: number; mostMs?: number },
): Promise<boolean> {
  const isOld = nowMs - (ring.newest?.madeAtMs ?? 0) > mostMs;
  if (!isOld && !ring.needsNew(nowMs)) return false;
  ring.add(await make(), nowMs);
  return true;
}

/** What opening asks for, with the one key that it will ask for made usable. */
export async function openWith(subtle: SubtleCrypto, ring: Ring, id: Uint8Array): Promise<FindReceiveKey> {
  const row = ring.find(id);
  if (typeof row === "string") return { find: () => row };
  const key = await usable(subtle, row);
  return { find: () => ({ key }) };
}

async function usable(
  subtle: SubtleCrypto,
  { publicKey, key }: { publicKey: Uint8Array; key: ReceiveSecret },
): Promise<CryptoKeyPair> {
  if (key instanceof Uint8Array) return hpkeKey(subtle, { publicKey, secret: key });
  return {
    publicKey: await subtle.importKey("raw", publicKey.slice(), "X25519", true, []),
    privateKey: key,
  };
}
