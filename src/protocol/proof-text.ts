// What a proof covers. The prober asks a share's public address `/.muster/proof?nonce=`, and the right device
// alone can answer with HMAC-SHA256 of this text under the share's proof key. None of the three can hold a
// line break (a nonce by its grammar, a host by that of HTTP), so no two triples share a text.

import type { LinkKind } from "./open.ts";

export const PROOF_PATH = "/.muster/proof";

/** Base64url, of 16 to 64 bytes. */
const NONCE = /^[A-Za-z0-9_-]{22,86}$/;

export interface ProofAnswer {
  nonce: string;
  /** Base64url. */
  mac: string;
  /** Whether what the share points at could be reached just now. */
  target: "ok" | "refused";
}

export function isProofNonce(text: string): boolean {
  return NONCE.test(text);
}

/** `host` is as received, port included. */
export function proofText(nonce: string, host: string, link: LinkKind): string {
  return `muster/v1/proof\n${nonce}\n${host}\n${link}`;
}
