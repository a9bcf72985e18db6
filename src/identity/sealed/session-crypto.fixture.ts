// Both implementations of a session's primitives, with keys from given secrets, for tests.

import { toBase64Url } from "../../protocol/bytes.ts";
import { seededCrypto } from "../crypto.fixture.ts";
import { nobleCrypto } from "../crypto-noble.ts";
import { nodeDhKey, nodeSessionCrypto } from "./session-crypto-node.ts";
import { webDhKey, webSessionCrypto } from "./session-crypto-web.ts";
import type { DhKey, SessionCrypto } from "./session-crypto.ts";

export interface TestSessionCrypto {
  name: "node" | "web";
  crypto: SessionCrypto;
  dhKey(secret: Uint8Array): Promise<DhKey>;
}

const seeded = seededCrypto("session crypto");
const { subtle } = globalThis.crypto;

export const nodeSide: TestSessionCrypto = {
  name: "node",
  crypto: nodeSessionCrypto(seeded),
  dhKey: (secret) => Promise.resolve(nodeDhKey(seeded, secret)),
};

export const webSide: TestSessionCrypto = {
  name: "web",
  crypto: webSessionCrypto(subtle, nobleCrypto(seeded.randomBytes)),
  dhKey: async (secret) => webDhKey(subtle, await importPair(secret)),
};

export const SIDES = [nodeSide, webSide] as const;
export const PAIRS = SIDES.flatMap((a) => SIDES.map((b) => [`${a.name} to ${b.name}`, a, b] as const));

/** As a browser holds it: the private half cannot be exported. */
export async function importPair(secret: Uint8Array): Promise<CryptoKeyPair> {
  const x = toBase64Url(seeded.x25519PublicKey(secret));
  const jwk = { kty: "OKP", crv: "X25519", x };
  return {
    publicKey: await subtle.importKey("jwk", jwk, "X25519", true, []),
    privateKey: await subtle.importKey("jwk", { ...jwk, d: toBase64Url(secret) }, "X25519", false, [
      "deriveBits",
    ]),
  };
}

export function secretOf(name: string): Uint8Array {
  return seededCrypto(name).randomBytes(32);
}
