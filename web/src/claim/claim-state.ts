// What the page knows of a device that somebody shares by a link, from the click on the link to the words that are
// shown once.
import type { ClaimOffer } from "../../../src/protocol/claim-api.ts";
import type { MusterError } from "../../../src/protocol/errors.ts";

export type OpenOffer = Extract<ClaimOffer, { state: "open" }>;

export type ClaimState =
  /** No link was opened here. */
  | { at: "none" }
  | { at: "reading" }
  /** The link got cut. */
  | { at: "malformed" }
  /** The hub did not tell what it offers. */
  | { at: "unread"; problem: MusterError }
  | { at: "offered"; offer: OpenOffer }
  | { at: "over"; why: "spent" | "mine" | "over" | "withdrawn" | "unknown" }
  | { at: "taken"; taken: Taken };

export interface Taken {
  device: { id: string; name: string };
  /** Of an owner log that began with it: shown once, and kept by nobody. */
  words: readonly string[] | null;
  /** How the person comes back, if that is a passkey. */
  passkey: "none" | "asked" | "added" | { problem: MusterError };
  /** What this browser kept before is gone. */
  anew: boolean;
}
