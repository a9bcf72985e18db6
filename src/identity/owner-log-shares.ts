// The rules of `share` entries: how one device comes to be commanded by a second owner, and how that ends. Each
// log only ever says what its own admins, or the claim key of an offer of theirs, have signed; what counts is where
// the two logs agree (`isShared`).
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import type { EntryBody } from "../protocol/owner-log.ts";
import type { OwnerLog } from "./owner-log.ts";
import {
  coOwnerKey,
  hasAdmin,
  hasScope,
  isAdmin,
  keyText,
  type CoOwner,
  type LogState,
  type Participant,
  type ShareOffer,
} from "./owner-log-state.ts";

interface Step {
  readonly state: LogState;
  readonly logId: Uint8Array;
  readonly number: number;
  readonly by: Uint8Array;
}

type Body = EntryBody<"share">;
type Saying<Name extends Body["step"]> = Extract<Body, { step: Name }>;

/** Of one device: each is a log that it keeps. */
export const CO_OWNERS_MAX = 16;

/** Changes the state, or gives the reason why the entry may not stand here. */
export function share(step: Step, body: Body): string | undefined {
  if (body.step === "claim") return claim(step, body);
  if (!isAdmin(step.state, step.by) && !takesByItself(step, body))
    return "its signer has no scope admin here";
  switch (body.step) {
    case "offer":
      return offer(step, body);
    case "take":
      return take(step, body);
    case "end":
      return end(step, body);
  }
}

/**
 * Where no device may write the log, a browser that commands takes devices and lets them go: it gives no key of its
 * owner's any right by that. Where one may, that one does it, so that a page can't slip a device under its commands.
 */
function takesByItself({ state, by }: Step, { step }: Body): boolean {
  if (hasAdmin(state) || (step !== "take" && step !== "end")) return false;
  return hasScope(state.participants.get(keyText(by)), "command");
}

function offer({ state, number }: Step, body: Saying<"offer">): string | undefined {
  const problem = ownDeviceProblem(state, body.device);
  if (problem !== undefined) return problem;
  if (state.claimKeys.has(body.claim_key)) return "its claim key was used before";
  if (state.participants.has(body.claim_key)) return "its claim key is the key of a device";
  if (state.grants.has(body.claim_key)) return "its claim key is the key of a grant";
  state.claimKeys.set(body.claim_key, number);
  state.offers.set(number, {
    number,
    device: body.device,
    claimKey: body.claim_key,
    expiresAtMs: body.expires_at,
    browser: body.browser === true,
    spentBy: undefined,
  });
  return undefined;
}

/** The one entry that a stranger writes: the offer's key names a log, once. */
function claim({ state, logId, by, number }: Step, body: Saying<"claim">): string | undefined {
  const offered = state.offers.get(body.offer);
  if (offered === undefined) return "there is no such offer";
  if (offered.claimKey !== keyText(by)) return "its signer does not hold the offer";
  if (offered.spentBy !== undefined) return "the offer was spent before";
  if (body.owner === toBase64Url(logId)) return "an owner shares nothing with itself";
  const { device } = offered;
  const problem = ownDeviceProblem(state, device);
  if (problem !== undefined) return problem;
  const place = coOwnerKey(device, body.owner);
  if (state.coOwners.has(place)) return "that owner has the device already";
  const others = [...state.coOwners.values()].filter((one) => one.device === device);
  if (others.length >= CO_OWNERS_MAX) return `the device has ${CO_OWNERS_MAX} other owners already`;
  state.offers.set(offered.number, { ...offered, spentBy: body.owner });
  const { browser } = offered;
  state.coOwners.set(place, { device, owner: body.owner, name: body.name, browser, entry: number });
  return undefined;
}

function take({ state, logId, number }: Step, body: Saying<"take">): string | undefined {
  const { public_key: key } = body;
  if (body.owner === toBase64Url(logId)) return "an owner shares nothing with itself";
  if (body.kind === "browser") return "a browser takes no commands";
  if (state.participants.has(key)) return "the device is in this log already";
  if (state.claimKeys.has(key)) return "the key of an invite is no device";
  if (state.grants.has(key)) return "the key of a grant is no device";
  if (state.removed.has(key)) return "the key was removed before";
  if (state.recovery === key) return "the recovery key is no device";
  state.participants.set(key, {
    publicKey: bytesOf(key),
    linkKey: bytesOf(body.link_key),
    name: body.name,
    kind: body.kind,
    platform: body.platform,
    sshHostKeys: [],
    entry: number,
    member: false,
    controller: undefined,
    sharedBy: body.owner,
  });
  return undefined;
}

/** By either side, each in its own log. The key is free to be taken again. */
function end({ state }: Step, body: Saying<"end">): string | undefined {
  if (state.coOwners.delete(coOwnerKey(body.device, body.owner))) return undefined;
  if (state.participants.get(body.device)?.sharedBy !== body.owner) return "there is no such share";
  state.participants.delete(body.device);
  return undefined;
}

/** The device is its owner's no more, or has another. */
export function endSharesOf(state: LogState, device: string): void {
  for (const [place, one] of state.coOwners) if (one.device === device) state.coOwners.delete(place);
}

/** Written words take the log back: nothing that was promised holds. */
export function forgetShares(state: LogState): void {
  state.coOwners.clear();
  for (const [number, one] of state.offers) if (one.spentBy === undefined) state.offers.delete(number);
}

/**
 * Whether what was offered, or claimed, is for this owner. One log alone can't tell, for a claim names the other by its
 * id; so it is asked where both are known, by the hub and again by the device.
 */
export function isFor(given: Pick<ShareOffer | CoOwner, "browser">, other: OwnerLog): boolean {
  return given.browser || !other.isBegunInBrowser;
}

/** Whether both owners say that `other` commands this device of `own`. */
export function isShared(own: OwnerLog, other: OwnerLog, device: Uint8Array): boolean {
  const owner = toBase64Url(other.id);
  const key = keyText(device);
  return (
    own.coOwners().some((one) => one.owner === owner && one.device === key && isFor(one, other)) &&
    other.participant(device)?.sharedBy === toBase64Url(own.id)
  );
}

function ownDeviceProblem(state: LogState, key: string): string | undefined {
  const device: Participant | undefined = state.participants.get(key);
  if (device?.member !== true) return "it names no device of this owner";
  return device.kind === "browser" ? "a browser takes no commands" : undefined;
}

/** Of text that the schema has checked. */
function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new RangeError("the schema let through what is no base64url");
  return bytes;
}
