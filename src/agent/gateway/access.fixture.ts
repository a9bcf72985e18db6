// A hub's key for tests.

import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";

export function ed25519Pair() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  return {
    publicKey: raw,
    sign: (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, privateKey)),
    verify(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
      const x = Buffer.from(key).toString("base64url");
      const asKey = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
      return verify(null, bytes, asKey, signature);
    },
  };
}
