// The program's primitives with randomness that repeats, for tests: the n-th call gives the same bytes in
// every run.

import { utf8 } from "../protocol/bytes.ts";
import { nodeCrypto } from "./crypto-node.ts";
import type { Crypto } from "./crypto.ts";

export function seededCrypto(seed: string): Crypto {
  const plain = nodeCrypto((length) => new Uint8Array(length));
  let calls = 0;
  return nodeCrypto((length) => {
    calls++;
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      bytes.set(plain.sha256(utf8(`${seed}/${calls}/${at}`)).subarray(0, length - at), at);
    }
    return bytes;
  });
}
