// SHA-256 that runs along with a file, over node:crypto.
import { createHash } from "node:crypto";
import type { RunningHash } from "../../client/files/running-hash.ts";

export function startSha256(): RunningHash {
  const hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.copy().digest()),
  };
}
