// SHA-256 over bytes that come piece by piece, handed in: WebCrypto has none, so a browser and a program differ.

export interface RunningHash {
  update(bytes: Uint8Array): void;
  /** Of what has come so far; more may follow. */
  digest(): Uint8Array;
}

export type StartHash = () => RunningHash;

/** What is read of a file at once. */
export const READ_BYTES = 1024 * 1024;

/** Takes in the first `length` bytes. False when there are not as many. */
export async function hashPrefix(
  hash: RunningHash,
  length: number,
  read: (position: number, length: number) => Promise<Uint8Array>,
): Promise<boolean> {
  for (let at = 0; at < length;) {
    const bytes = await read(at, Math.min(READ_BYTES, length - at));
    if (bytes.length === 0) return false;
    hash.update(bytes);
    at += bytes.length;
  }
  return true;
}
