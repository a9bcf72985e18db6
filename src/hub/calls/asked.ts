// A capability request as far as it says who may serve it.
import type { CapabilityAsked } from "../../protocol/capabilities.ts";

/** A key, base64url, that asks by an owner's log for a capability. */
export interface GrantAsked {
  key: string;
  log: string;
  protocol: string;
}

export interface Asked {
  ownerRoot: string;
  /** Other owners who let the asker use this, and on which of their devices (keys, base64url; null is all). */
  granted: readonly { root: string; devices: readonly string[] | null }[];
  /** Nobody signed it: for this owner's own devices, which are asked by the hub's word. */
  isUnsigned: boolean;
  /** A key that may use some things and see no more. */
  isProgram: boolean;
  capability: CapabilityAsked;
  model?: string | undefined;
  /** Names or ids, or the beginning of one. */
  onlyDevice?: string | undefined;
  preferDevice?: string | undefined;
}
