// What a device says of itself when it connects, made by hand: by a key that is none, or once more.
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import type { Signer } from "../../src/identity/crypto.ts";
import { proveDevice } from "../../src/identity/session.ts";
import { fromBase64Url, toBase64Url } from "../../src/protocol/bytes.ts";
import type { Json } from "./harness.ts";

export const crypto = nodeCrypto((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));

/** `hello` is what the hub at `port` of this machine said. */
export async function registration(
  hello: Json,
  signer: Signer,
  { port, session = 1_000_000 }: { port: number; session?: number },
): Promise<Json> {
  const dialled = `http://localhost:${port}`;
  const nonce = crypto.randomBytes(32);
  const proof = await proveDevice(
    signer,
    { protocols: [1], hubKey: bytes(hello.hub_key), nonce: bytes(hello.nonce) },
    {
      protocols: [1],
      sessionKind: "register",
      nonce,
      session,
      dialled,
      binding: new Uint8Array(0),
      hubKey: undefined,
    },
  );
  return {
    type: "register",
    session_kind: "register",
    protocol: 1,
    public_key: toBase64Url(signer.publicKey),
    nonce: toBase64Url(nonce),
    session,
    dialled,
    binding: "",
    name: "forged",
    platform: "linux",
    kind: "vps",
    version: "0",
    signature: toBase64Url(proof.signature),
  };
}

function bytes(encoded: string): Uint8Array {
  return fromBase64Url(encoded) ?? new Uint8Array(0);
}
