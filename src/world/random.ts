// Real randomness: the system's generator for secrets, a fast one for jitter.
import type { Random } from "./world.ts";

/** What one call of getRandomValues may fill (Web Cryptography API). */
const QUOTA_BYTES = 65_536;

export const realRandom: Random = {
  bytes(length) {
    const all = new Uint8Array(length);
    for (let at = 0; at < length; at += QUOTA_BYTES) {
      crypto.getRandomValues(all.subarray(at, Math.min(at + QUOTA_BYTES, length)));
    }
    return all;
  },
  fraction: () => Math.random(),
};
