// HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one encapsulation for each
// text. Who sealed it is not for HPKE to say: a signature beside it does.

import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { concat, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { RandomBytes } from "../crypto.ts";
import { AEAD_TAG_BYTES, DH_BYTES } from "./session-crypto.ts";

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** The encapsulated key before a sealed text, and the tag behind it. */
export const HPKE_OVERHEAD_BYTES = DH_BYTES + AEAD_TAG_BYTES;

/** The encapsulated key, then the sealed text. `info` is bound to it and not sent. Throws `seal_broken`. */
export async function hpkeSeal(
  randomBytes: RandomBytes,
  to: { publicKey: Uint8Array; info: Uint8Array },
  plain: Uint8Array,
): Promise<Uint8Array> {
  // RFC 9180's DeriveKeyPair over our own randomness, so that nothing here draws any by itself.
  const ekm = randomBytes(DH_BYTES).slice();
  try {
    const recipientPublicKey = await suite.kem.deserializePublicKey(to.publicKey.slice());
    const sender = await suite.createSenderContext({ recipientPublicKey, info: to.info.slice(), ekm });
    const sealed = await sender.seal(plain.slice());
    return concat(new Uint8Array(sender.enc), new Uint8Array(sealed));
  } catch (cause) {
    throw new MusterError("seal_broken", "cannot seal: the peer's receive key is no key", { cause });
  } finally {
    ekm.fill(0);
  }
}

/** Undefined when it was sealed to another key or for something else, or was changed. */
export async function hpkeOpen(
  own: { key: CryptoKeyPair; info: Uint8Array },
  sealed: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (sealed.length < HPKE_OVERHEAD_BYTES) return undefined;
  try {
    const recipient = await suite.createRecipientContext({
      recipientKey: own.key,
      enc: sealed.slice(0, DH_BYTES),
      info: own.info.slice(),
    });
    return new Uint8Array(await recipient.open(sealed.slice(DH_BYTES)));
  } catch {
    return undefined; // an encapsulated key that is none, and a tag that does not fit, are the same to a reader
  }
}

/** A receive key as HPKE uses it, from the X25519 secret that a program stores. Its private half stays inside. */
export async function hpkeKey(
  subtle: SubtleCrypto,
  raw: { publicKey: Uint8Array; secret: Uint8Array },
): Promise<CryptoKeyPair> {
  const jwk = { kty: "OKP", crv: "X25519", x: toBase64Url(raw.publicKey) };
  return {
    publicKey: await subtle.importKey("jwk", jwk, "X25519", true, []),
    privateKey: await subtle.importKey("jwk", { ...jwk, d: toBase64Url(raw.secret) }, "X25519", false, [
      "deriveBits",
    ]),
  };
}
