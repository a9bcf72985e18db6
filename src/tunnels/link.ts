// A link: what carries a device's host name to the public. One interface for every kind, and one conformance
// suite (link-suite.fixture.ts) that each passes. The rule: whatever a link has anywhere else is in the hub's
// record first, every call may be repeated, and one that was broken off is finished by the next.

import type { Secret } from "../identity/secret.ts";

export type LinkKind = "hub" | "quick" | "named";

/** What its users are told beforehand; undefined where there is no such limit. */
export interface LinkLimits {
  readonly uploadMaxBytes?: number;
  /** Until the first byte of an answer. */
  readonly answerWithinMs?: number;
  readonly requestsInFlight?: number;
  readonly serverSentEvents: boolean;
  /** False where the address changes with every start. */
  readonly stableAddress: boolean;
}

export type LinkState =
  /** Nothing is there. */
  | "none"
  /** Being made or mended; goes on by itself. */
  | "creating"
  /** As recorded, when it was last looked at. Whether it carries anything is what proofs say. */
  | "ready"
  /** Has a new secret that its device doesn't have yet. */
  | "rotating"
  /** Being removed; stays so until the provider was seen without it. */
  | "revoking";

export interface LinkStatus {
  kind: LinkKind;
  state: LinkState;
  /** The public address, once it is known. */
  url: string | null;
  /** Milliseconds since the epoch; null when it was never looked at. */
  checkedAt: number | null;
  /** Why it isn't ready, for people. */
  reason: string | null;
}

/** What a device needs to run its end. */
export interface TunnelCredentials {
  accountTag: string;
  tunnelId: string;
  hostname: string;
  secret: Secret<Uint8Array>;
}

/** Hands new credentials to the device over its own connection; rejects when it could not. */
export type HandOver = (credentials: TunnelCredentials) => Promise<void>;

export interface LinkWish {
  /** A device's id, or the id of the set-up that it is to come from. */
  holder: string;
  /** Its full public host name, in lower case. */
  hostname: string;
}

export interface Link {
  readonly kind: LinkKind;
  readonly limits: LinkLimits;
  status(holder: string): Promise<LinkStatus>;
  /** Makes it, adopts what is there already, or moves it to another host name. */
  create(wish: LinkWish): Promise<LinkStatus>;
  /** Looks, and makes again what is missing. */
  repair(holder: string): Promise<LinkStatus>;
  /** Makes the old secret worthless. Without `handOver` (its device is offline) it waits for another call. */
  rotate(holder: string, handOver?: HandOver): Promise<LinkStatus>;
  /** Resolves with "none" once it is gone, with "revoking" when that needs more tries. */
  remove(holder: string): Promise<LinkStatus>;
}
