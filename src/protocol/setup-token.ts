// The setup token, a format for good:
//
//   mst1_ + base64url( pin[16] ‖ invite number (u32, big endian) ‖ seed[32] )
//   pin = first 16 bytes of SHA-256(owner log id ‖ hub key)
//
// A share token has the same form behind mss1_: its number is that of an offer to share one device (`share` entry).
//
// It is shown once, typed or piped into the new device, and never travels to the hub. Whatever is wrong with
// a token, the answer is one and the same.

import { concat, fromBase64Url, toBase64Url, u32 } from "./bytes.ts";
import { MusterError } from "./errors.ts";

export const SETUP_TOKEN_PREFIX = "mst1_";
export const SHARE_TOKEN_PREFIX = "mss1_";
export const PIN_BYTES = 16;
export const SEED_BYTES = 32;
const BODY_BYTES = PIN_BYTES + 4 + SEED_BYTES;
/** 52 bytes in base64url. */
const BODY_LENGTH = 70;

export interface SetupToken {
  /** Names the owner log and the hub without telling either. */
  pin: Uint8Array;
  /** Number of the entry in the log: an invite, or an offer. */
  invite: number;
  /** Makes the claim key. A secret. */
  seed: Uint8Array;
}

export function formatSetupToken(token: SetupToken): string {
  return formatToken(SETUP_TOKEN_PREFIX, token);
}

export function formatShareToken(token: SetupToken): string {
  return formatToken(SHARE_TOKEN_PREFIX, token);
}

/** Throws `token_invalid`. Blanks around it, as a terminal may add them, are allowed. */
export function parseSetupToken(text: string): SetupToken {
  if (text.trimStart().startsWith(SHARE_TOKEN_PREFIX)) {
    throw new MusterError("token_invalid", "this token shares a device, and lets no machine in", {
      hint: "claim it as a person: muster device claim",
    });
  }
  return parseToken(SETUP_TOKEN_PREFIX, text);
}

/** As `parseSetupToken`. */
export function parseShareToken(text: string): SetupToken {
  return parseToken(SHARE_TOKEN_PREFIX, text);
}

function formatToken(prefix: string, token: SetupToken): string {
  if (token.pin.length !== PIN_BYTES || token.seed.length !== SEED_BYTES) {
    throw new RangeError("a setup token has a pin of 16 and a seed of 32 bytes");
  }
  return prefix + toBase64Url(concat(token.pin, u32(token.invite), token.seed));
}

function parseToken(prefix: string, text: string): SetupToken {
  const trimmed = text.length > 2 * BODY_LENGTH ? "" : text.trim();
  if (!trimmed.startsWith(prefix)) throw tokenInvalid();
  const bytes = fromBase64Url(trimmed.slice(prefix.length));
  if (bytes?.length !== BODY_BYTES) throw tokenInvalid();
  const invite = new DataView(bytes.buffer, bytes.byteOffset).getUint32(PIN_BYTES);
  // Entry 0 of a log is its begin entry.
  if (invite === 0) throw tokenInvalid();
  return { pin: bytes.slice(0, PIN_BYTES), invite, seed: bytes.slice(PIN_BYTES + 4) };
}

/** The one error for a token that is malformed, unknown, spent or expired. */
export function tokenInvalid(): MusterError {
  return new MusterError("token_invalid", "this token does not work: it is wrong, was used, or has expired", {
    hint: "ask for a new one: who is signed in makes it with `muster device token`, of a shared device with --share",
  });
}
