// The release key: an Ed25519 seed in a file of its owner alone (base64url, one line). Whoever has it can
// replace the program on every machine that was built with its public half, so it stays off the hub.
import { open, readFile, stat } from "node:fs/promises";
import { nodeCrypto } from "../src/identity/crypto-node.ts";
import type { Signer } from "../src/identity/crypto.ts";
import { fromBase64Url, toBase64Url } from "../src/protocol/bytes.ts";
import { realRandom } from "../src/world/random.ts";

export const crypto = nodeCrypto((length) => realRandom.bytes(length));

const SEED_BYTES = 32;
const OTHERS = 0o077;

/** Of the file that MUSTER_RELEASE_KEY names; undefined when it names none. */
export async function releaseSigner(
  path = process.env["MUSTER_RELEASE_KEY"] ?? "",
): Promise<Signer | undefined> {
  if (path === "") return undefined;
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
    throw new Error(`others may read ${path}: run \`chmod 600 ${path}\``);
  }
  const seed = fromBase64Url((await readFile(path, "utf8")).trim());
  if (seed?.length !== SEED_BYTES) throw new Error(`${path} holds no release key`);
  return crypto.ed25519Signer(seed);
}

/** Writes a new one; returns its public half. Never over a file that is there. */
export async function makeReleaseKey(path: string): Promise<string> {
  const seed = crypto.randomBytes(SEED_BYTES);
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${toBase64Url(seed)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return toBase64Url(crypto.ed25519Signer(seed).publicKey);
}
