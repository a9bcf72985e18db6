// Secrets in a hub's database are sealed with a key that is not in it, so that a copy of the file alone opens
// nothing. Each sealed value is bound to its place (table, column, row): moved elsewhere it doesn't open.

import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { MusterError } from "../protocol/errors.ts";
import type { Random } from "../world/world.ts";

/** Where a sealed value stands, e.g. ["shares", "proof_key", id]. */
export type SealContext = readonly string[];

export interface Sealer {
  seal(context: SealContext, secret: Uint8Array): Uint8Array;
  /** Throws `state_corrupt` when the key or the place is another one, or the bytes were changed. */
  open(context: SealContext, sealed: Uint8Array): Uint8Array;
}

// First byte of every sealed value, so that another cipher can follow.
const VERSION = 1;
const KEY_BYTES = 32;
// Random nonces of 96 bits are safe for 2^32 values of one key (NIST SP 800-38D, 8.3).
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `secret` is the hub's key file, at least 32 bytes; it serves other ends too, so a key of its own is derived. */
export function createSealer(secret: Uint8Array, random: Pick<Random, "bytes">): Sealer {
  if (secret.length < KEY_BYTES) {
    throw new MusterError(
      "state_unsafe",
      `the hub's secret has ${secret.length} bytes, fewer than ${KEY_BYTES}`,
    );
  }
  const key = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), "muster/v1/at-rest", KEY_BYTES));
  return {
    seal: (context, plain) => seal(key, random.bytes(NONCE_BYTES), { context, plain }),
    open: (context, sealed) => open(key, { context, sealed }),
  };
}

function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  { context, plain }: { context: SealContext; plain: Uint8Array },
): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(placeOf(context));
  const parts = [Uint8Array.of(VERSION), nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
  // A plain array of bytes: what is read back from SQLite is one too.
  return new Uint8Array(Buffer.concat(parts));
}

function open(
  key: Uint8Array,
  { context, sealed }: { context: SealContext; sealed: Uint8Array },
): Uint8Array {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION) throw notOurs(context);
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
  const body = sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(placeOf(context));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return new Uint8Array(Buffer.concat([decipher.update(body), decipher.final()]));
  } catch (error) {
    throw notOurs(context, error);
  }
}

// Each part with its length in front, so that ["a", "bc"] and ["ab", "c"] differ.
function placeOf(context: SealContext): Uint8Array {
  const parts = context.flatMap((part) => {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(parts);
}

function notOurs(context: SealContext, cause?: unknown): MusterError {
  return new MusterError(
    "state_corrupt",
    `the secret in ${context.join("/")} does not open with this hub's key`,
    {
      hint: "the database and the key file beside it belong together",
      cause,
    },
  );
}
