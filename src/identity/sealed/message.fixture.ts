// A device that seals, opens and keeps receive keys for one peer, with randomness of its own.

import { seededCrypto } from "../crypto.fixture.ts";
import type { Crypto, Signer } from "../crypto.ts";
import { hpkeKey } from "./hpke.ts";
import { receiveKeyId } from "./message.ts";
import type { Opener, SealTo } from "./message.ts";
import { ReceiveKeys } from "./receive-keys.ts";

export interface TestMailer {
  crypto: Crypto;
  signer: Signer;
  keys: ReceiveKeys<CryptoKeyPair>;
  /** Makes another receive key, which is then the newest. */
  addKey(nowMs: number): Promise<Uint8Array>;
  /** As others address it now. */
  address(): SealTo;
  openerFor(peer: TestMailer): Opener;
}

export async function mailer(name: string): Promise<TestMailer> {
  const crypto = seededCrypto(`${name} mailer`);
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const keys = new ReceiveKeys<CryptoKeyPair>([]);
  const made: TestMailer = {
    crypto,
    signer,
    keys,
    async addKey(nowMs) {
      const secret = crypto.randomBytes(32);
      const publicKey = crypto.x25519PublicKey(secret);
      const key = await hpkeKey(globalThis.crypto.subtle, { publicKey, secret });
      keys.add({ id: receiveKeyId(crypto, publicKey), publicKey, key }, nowMs);
      return publicKey;
    },
    address() {
      const { newest } = keys;
      if (newest === undefined) throw new Error("there is no receive key yet");
      return { identityKey: signer.publicKey, receiveKey: newest.publicKey };
    },
    openerFor: (peer) => ({ crypto, ownKey: signer.publicKey, peerKey: peer.signer.publicKey }),
  };
  await made.addKey(0);
  return made;
}

export const EPOCH = new Uint8Array(16).fill(0xe);
