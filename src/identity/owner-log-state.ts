// What an owner log says, entry after entry: who belongs to the owner and which invites are out. Records are
// replaced, never changed, so a copy of the maps is a copy of the state.

import { toBase64Url } from "../protocol/bytes.ts";
import type { GrantHolder, GrantScope, Scope } from "../protocol/owner-log.ts";
import type { DeviceKind } from "../protocol/views.ts";

export interface Participant {
  readonly publicKey: Uint8Array;
  readonly linkKey: Uint8Array;
  readonly name: string;
  readonly kind: DeviceKind;
  readonly platform: string;
  readonly sshHostKeys: readonly string[];
  /** Number of the entry that first named it. */
  readonly entry: number;
  readonly member: boolean;
  readonly controller: ControllerRights | undefined;
  /** It is a device of the owner of this log, who shares it: it is commanded, and has no right here. */
  readonly sharedBy?: string;
}

export interface ControllerRights {
  readonly scopes: readonly Scope[];
  /** Milliseconds since the epoch; null is never. */
  readonly untilMs: number | null;
}

export interface Invite {
  /** Its entry's number, which is how a token names it. */
  readonly number: number;
  readonly claimKey: Uint8Array;
  readonly names: readonly string[];
  /** For the statement that spends it: a log has no clock. */
  readonly expiresAtMs: number;
  /** The key of the device that used it. */
  readonly spentBy: Uint8Array | undefined;
}

/** Whoever holds its claim key may name one other owner of the device. */
export interface ShareOffer {
  /** Its entry's number, which is how a token names it. */
  readonly number: number;
  /** Base64url, as all keys and ids of shares. */
  readonly device: string;
  readonly claimKey: string;
  /** For the statement that spends it: a log has no clock. */
  readonly expiresAtMs: number;
  /** It is for owners too whose log a browser began. */
  readonly browser: boolean;
  /** Id of the log of whoever used it. */
  readonly spentBy: string | undefined;
}

/** Another owner of one device, by the word of the device's own. */
export interface CoOwner {
  readonly device: string;
  /** Id of its log. */
  readonly owner: string;
  readonly name: string;
  /** By an offer that is for owners too whose log a browser began. */
  readonly browser: boolean;
  /** Number of the entry that made it so. */
  readonly entry: number;
}

/** What a key that is no device of the owner may use, or every key of another owner. */
export interface Grant {
  /** Of an owner the id of its log. */
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly holder: GrantHolder;
  readonly scopes: readonly GrantScope[];
  /** Protocols; null is all. */
  readonly capabilities: readonly string[] | null;
  /** Keys of the devices where it holds, base64url; null is all. */
  readonly devices: readonly string[] | null;
  /** Milliseconds since the epoch; null is never. */
  readonly untilMs: number | null;
  /** Number of its entry. */
  readonly entry: number;
}

export interface LogState {
  /** By `keyText` of the identity key. */
  readonly participants: Map<string, Participant>;
  readonly invites: Map<number, Invite>;
  /** By `keyText` of the claim key. */
  readonly claimKeys: Map<string, number>;
  readonly offers: Map<number, ShareOffer>;
  /** By `coOwnerKey`. */
  readonly coOwners: Map<string, CoOwner>;
  /** By `keyText`: one of a program's key; of another owner or its device one for each list of devices, never empty. */
  readonly grants: Map<string, readonly Grant[]>;
  /** `keyText` of what was removed, with the number of the entry that did it. */
  readonly removed: Map<string, number>;
  /** What the owner's written words make; `keyText`. */
  recovery: string | undefined;
  /** Entry 0 is a browser's, whoever has written since. */
  begunInBrowser: boolean;
}

export function emptyState(): LogState {
  return {
    participants: new Map(),
    invites: new Map(),
    claimKeys: new Map(),
    offers: new Map(),
    coOwners: new Map(),
    grants: new Map(),
    removed: new Map(),
    recovery: undefined,
    begunInBrowser: false,
  };
}

export function copyState(state: LogState): LogState {
  return {
    participants: new Map(state.participants),
    invites: new Map(state.invites),
    claimKeys: new Map(state.claimKeys),
    offers: new Map(state.offers),
    coOwners: new Map(state.coOwners),
    grants: new Map(state.grants),
    removed: new Map(state.removed),
    recovery: state.recovery,
    begunInBrowser: state.begunInBrowser,
  };
}

export function keyText(key: Uint8Array): string {
  return toBase64Url(key);
}

export function coOwnerKey(device: string, owner: string): string {
  return `${device} ${owner}`;
}

/** Whether a device may write this log. Where none may, it is kept by written words alone. */
export function hasAdmin(state: LogState): boolean {
  return [...state.participants.values()].some((one) => hasScope(one, "admin"));
}

/** Whether this key may write the log: a device with the scope, or the written words where no device has it. */
export function isAdmin(state: LogState, key: Uint8Array): boolean {
  const text = keyText(key);
  if (hasScope(state.participants.get(text), "admin")) return true;
  return state.recovery === text && !hasAdmin(state);
}

export function hasScope(participant: Participant | undefined, scope: Scope): boolean {
  return participant?.controller?.scopes.includes(scope) ?? false;
}
