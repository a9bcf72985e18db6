// Which entry may follow a state, and what it changes. One rule per kind; each either gives the reason for
// its refusal, and changes nothing, or makes the change. Signature and chain were checked before.

import type { z } from "zod";
import { equalBytes, fromBase64Url, utf8 } from "../protocol/bytes.ts";
import { canonicalJson, parseCanonicalJson } from "../protocol/canonical-json.ts";
import { BROWSER_CONTROLLER_DAYS } from "../protocol/limits.ts";
import { isNumberedFrom } from "../protocol/names.ts";
import { ENTRY_BODIES, ENTRY_KINDS } from "../protocol/owner-log.ts";
import type { EntryBody, EntryKind, KnownKind } from "../protocol/owner-log.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { DeviceKind } from "../protocol/views.ts";
import type { Crypto } from "./crypto.ts";
import { hasAdmin, hasScope, isAdmin as mayWrite, keyText } from "./owner-log-state.ts";
import type { Invite, LogState, Participant } from "./owner-log-state.ts";
import { endSharesOf, forgetShares, share } from "./owner-log-shares.ts";

/** An entry whose signature by `by` is not in doubt. */
export interface SignedEntry {
  readonly logId: Uint8Array;
  readonly number: number;
  readonly by: Uint8Array;
  readonly kind: string;
  readonly body: string;
}

interface Step extends SignedEntry {
  readonly crypto: Crypto;
  readonly state: LogState;
}

type Rule = (step: Step, body: unknown) => string | undefined;

const RULES: Record<KnownKind, Rule> = {
  begin: rule(ENTRY_BODIES.begin, begin),
  controller: rule(ENTRY_BODIES.controller, controller),
  invite: rule(ENTRY_BODIES.invite, invite),
  member: rule(ENTRY_BODIES.member, member),
  share: rule(ENTRY_BODIES.share, share),
  key: rule(ENTRY_BODIES.key, grant),
  remove: rule(ENTRY_BODIES.remove, remove),
  recovery: rule(ENTRY_BODIES.recovery, recovery),
  recover: rule(ENTRY_BODIES.recover, recover),
};

const DAY_MS = 86_400_000;
/** Keys of programs and of others' devices that hold at once, and grants to owners. */
export const GRANTS_MAX = 256;
/** Other owners with grants: a device keeps the log of each. */
export const GRANTED_OWNERS_MAX = 16;

/** Kinds that command only when a person chose the very device: they stand elsewhere, or live in a page. */
const ONLY_BY_NAME: ReadonlySet<DeviceKind> = new Set(["vps", "raspberry_pi", "browser"]);

/** Changes the state, or gives the reason why the entry may not stand here. */
export function applyEntry(crypto: Crypto, state: LogState, entry: SignedEntry): string | undefined {
  if (!isKnownKind(entry.kind)) {
    return isDeclaredKind(entry.kind)
      ? `this version does not know the rules of "${entry.kind}" entries`
      : `there are no "${entry.kind}" entries`;
  }
  if ((entry.number === 0) !== (entry.kind === "begin")) return "a log has one begin entry, its first";
  const body = parseCanonicalJson(entry.body);
  if (body === undefined) return "its body is not canonical JSON";
  return RULES[entry.kind]({ ...entry, crypto, state }, body);
}

function begin(step: Step, body: EntryBody<"begin">): string | undefined {
  if (body.kind === "vm") return "a vm never commands";
  const { browser } = body;
  const problem = browserProblem(step, body);
  if (problem !== undefined) return problem;
  setParticipant(step.state, {
    publicKey: step.by,
    linkKey: bytesOf(body.link_key),
    name: body.name,
    kind: body.kind,
    platform: body.platform,
    sshHostKeys: [],
    entry: 0,
    member: browser === undefined,
    controller:
      browser === undefined
        ? { scopes: ["admin", "command"], untilMs: null }
        : { scopes: ["command"], untilMs: browser.until },
  });
  step.state.recovery = browser?.recovery;
  step.state.begunInBrowser = body.kind === "browser";
  return undefined;
}

function browserProblem({ by }: Step, { kind, browser }: EntryBody<"begin">): string | undefined {
  if (kind !== "browser") return browser === undefined ? undefined : `it is no browser, but a ${kind}`;
  if (browser === undefined) return "a browser alone cannot begin a log";
  if (browser.recovery === keyText(by)) return "the recovery key is no device";
  return commandingTimeProblem(browser);
}

function controller(step: Step, body: EntryBody<"controller">): string | undefined {
  if (!isAdmin(step)) return NOT_ADMIN;
  const publicKey = bytesOf(body.public_key);
  const known = step.state.participants.get(keyText(publicKey));
  const problem = identityProblem(step.state, publicKey, known, body) ?? rightsProblem(body);
  if (problem !== undefined) return problem;
  const changed: Participant = {
    publicKey,
    linkKey: bytesOf(body.link_key),
    name: body.name,
    kind: body.kind,
    platform: body.platform,
    sshHostKeys: known?.sshHostKeys ?? [],
    entry: known?.entry ?? step.number,
    member: known?.member ?? false,
    controller: { scopes: body.scopes, untilMs: body.until },
  };
  if (!leavesAnAdmin(step.state, changed)) return "it would leave nobody with the scope admin";
  setParticipant(step.state, changed);
  return undefined;
}

function rightsProblem(body: EntryBody<"controller">): string | undefined {
  if (body.kind === "vm") return "a vm never commands";
  if (!isStrictlySorted(body.scopes)) return "its scopes are not sorted, each once";
  if (ONLY_BY_NAME.has(body.kind) && !body.named) return `a ${body.kind} commands only when chosen by name`;
  // A log has no clock, so a right to write it that ends could not be checked by who reads it later.
  if (body.scopes.includes("admin") && body.until !== null) return "the scope admin has no end";
  if (body.until !== null && body.until <= body.since) return "it ends before it begins";
  if (body.kind !== "browser") return undefined;
  if (body.scopes.includes("admin")) return "a browser never has the scope admin";
  return commandingTimeProblem(body);
}

function commandingTimeProblem({
  since,
  until,
}: {
  since: number;
  until: number | null;
}): string | undefined {
  if (until !== null && until <= since) return "it ends before it begins";
  return until === null || until - since > BROWSER_CONTROLLER_DAYS * DAY_MS
    ? `a browser commands for at most ${BROWSER_CONTROLLER_DAYS} days`
    : undefined;
}

function invite(step: Step, body: EntryBody<"invite">): string | undefined {
  if (!isAdmin(step)) return NOT_ADMIN;
  const claimKey = bytesOf(body.claim_key);
  const { state } = step;
  if (state.claimKeys.has(body.claim_key)) return "its claim key was used by another invite";
  if (state.participants.has(body.claim_key)) return "its claim key is the key of a device";
  if (state.grants.has(body.claim_key)) return "its claim key is the key of a grant";
  state.claimKeys.set(body.claim_key, step.number);
  state.invites.set(step.number, {
    number: step.number,
    claimKey,
    names: body.names,
    expiresAtMs: body.expires_at,
    spentBy: undefined,
  });
  return undefined;
}

function member(step: Step, body: EntryBody<"member">): string | undefined {
  const publicKey = bytesOf(body.public_key);
  const known = step.state.participants.get(body.public_key);
  if (known?.member === true) return "the device is a member already";
  const spends = body.claim === null ? undefined : step.state.invites.get(body.claim.invite);
  const problem =
    (body.claim === null ? (isAdmin(step) ? undefined : NOT_ADMIN) : claimProblem(step, body, spends)) ??
    identityProblem(step.state, publicKey, known, body);
  if (problem !== undefined) return problem;
  setParticipant(step.state, {
    publicKey,
    linkKey: bytesOf(body.link_key),
    name: body.name,
    kind: body.kind,
    platform: body.platform,
    sshHostKeys: body.ssh_host_keys,
    entry: known?.entry ?? step.number,
    member: true,
    controller: known?.controller,
  });
  if (spends !== undefined) step.state.invites.set(spends.number, { ...spends, spentBy: publicKey });
  return undefined;
}

function claimProblem(step: Step, body: EntryBody<"member">, invite: Invite | undefined): string | undefined {
  if (body.claim === null || invite === undefined) return "there is no such invite";
  if (!equalBytes(invite.claimKey, step.by)) return "its signer does not hold the invite";
  if (invite.spentBy !== undefined) return "the invite was spent before";
  // An invite makes members of strangers only: whoever is known is changed by a controller.
  if (step.state.participants.has(body.public_key)) return "the device is known already";
  if (invite.names.length > 0 && !invite.names.some((base) => isNumberedFrom(base, body.name))) {
    return "the invite is for another name";
  }
  return isOwnClaim(step, body, body.claim) ? undefined : "the device did not sign the claim itself";
}

/**
 * A right to use something, for a key that is no device of this owner. Another owner, or a device of theirs, may have
 * several, one for each list of devices; one for the same list takes the former's place.
 */
function grant(step: Step, body: EntryBody<"key">): string | undefined {
  if (!isAdmin(step)) return NOT_ADMIN;
  const { state } = step;
  const held = state.grants.get(body.public_key) ?? [];
  const isAgain =
    held.length > 0 && body.holder !== "program" && held.every(({ holder }) => holder === body.holder);
  const problem =
    (isAgain ? undefined : unknownProblem(state, body.public_key)) ??
    (state.recovery === body.public_key ? "the recovery key is no other" : undefined) ??
    (body.holder === "owner" && !isAgain ? ownerProblem(step, body.public_key) : undefined) ??
    (isStrictlySorted(body.scopes) ? undefined : "its scopes are not sorted, each once") ??
    (isStrictlySorted(body.capabilities ?? []) ? undefined : "its capabilities are not sorted, each once") ??
    (isStrictlySorted(body.devices ?? []) ? undefined : "its devices are not sorted, each once");
  if (problem !== undefined) return problem;
  if (body.capabilities !== null && !body.scopes.includes("capabilities")) {
    return "it names capabilities without the scope";
  }
  const others = held.filter(({ devices }) => JSON.stringify(devices) !== JSON.stringify(body.devices));
  const count = [...state.grants.values()].flat().length - held.length + others.length;
  if (count >= GRANTS_MAX) return `there are ${GRANTS_MAX} such keys already`;
  const made = {
    publicKey: bytesOf(body.public_key),
    name: body.name,
    holder: body.holder,
    scopes: body.scopes,
    capabilities: body.capabilities,
    devices: body.devices,
    untilMs: body.until,
    entry: step.number,
  };
  state.grants.set(body.public_key, [...others, made]);
  return undefined;
}

function ownerProblem({ state, logId }: Step, ownerRoot: string): string | undefined {
  if (ownerRoot === keyText(logId)) return "it is the owner of this log";
  const owners = [...state.grants.values()].filter((grants) => grants[0]?.holder === "owner");
  return owners.length < GRANTED_OWNERS_MAX
    ? undefined
    : `${GRANTED_OWNERS_MAX} other owners have grants already`;
}

/**
 * By a controller, or by the key itself: a machine may always leave. What another owner or a device of theirs was let
 * use is taken back alone: it is not this owner's to spend, and may be let in again.
 */
function remove({ state, by, number }: Step, body: EntryBody<"remove">): string | undefined {
  const known = state.participants.get(body.public_key);
  if (known === undefined && !state.grants.has(body.public_key)) return "the key is not in this log";
  // Its own owner alone removes a device; what ends here is the share.
  if (known?.sharedBy !== undefined) return SHARED;
  const leaves = keyText(by) === body.public_key;
  if (!leaves && !mayWrite(state, by)) return NOT_ADMIN;
  if (known !== undefined && !leavesAnAdmin(state, { ...known, controller: undefined }))
    return "it would leave nobody with the scope admin";
  state.participants.delete(body.public_key);
  const grants = state.grants.get(body.public_key) ?? [];
  state.grants.delete(body.public_key);
  if (grants.some(({ holder }) => holder !== "program")) return undefined;
  endSharesOf(state, body.public_key);
  state.removed.set(body.public_key, number);
  return undefined;
}

function recovery(step: Step, body: EntryBody<"recovery">): string | undefined {
  if (!isAdmin(step)) return NOT_ADMIN;
  const problem = strangerProblem(step.state, body.public_key);
  if (problem !== undefined) return problem;
  step.state.recovery = body.public_key;
  return undefined;
}

/** Whoever holds the words is the owner: nobody else keeps a right, and nothing that was promised holds. */
function recover(step: Step, body: EntryBody<"recover">): string | undefined {
  const { state, by, number } = step;
  if (state.recovery === undefined) return "this log has no recovery key";
  if (state.recovery !== keyText(by)) return "its signer is not the recovery key";
  if (body.kind === "vm" || body.kind === "browser") return `a ${body.kind} never owns`;
  const publicKey = bytesOf(body.public_key);
  const known = state.participants.get(body.public_key);
  const problem =
    identityProblem(state, publicKey, known, body) ??
    (body.public_key === keyText(by) ? "the recovery key is no device" : undefined) ??
    (body.recovery === null ? undefined : strangerProblem(state, body.recovery));
  if (problem !== undefined) return problem;
  for (const [key, one] of state.participants) {
    if (one.sharedBy !== undefined) continue;
    if (one.member) state.participants.set(key, { ...one, controller: undefined });
    else state.participants.delete(key);
  }
  for (const [invited, invite] of state.invites) {
    if (invite.spentBy === undefined) state.invites.delete(invited);
  }
  state.grants.clear();
  forgetShares(state);
  setParticipant(state, {
    publicKey,
    linkKey: bytesOf(body.link_key),
    name: body.name,
    kind: body.kind,
    platform: body.platform,
    sshHostKeys: known?.sshHostKeys ?? [],
    entry: known?.entry ?? number,
    member: true,
    controller: { scopes: ["admin", "command"], untilMs: null },
  });
  state.recovery = body.recovery ?? undefined;
  return undefined;
}

/** A key that stands for nobody in this log. */
function unknownProblem(state: LogState, key: string): string | undefined {
  if (state.participants.has(key)) return "it is the key of a device";
  if (state.claimKeys.has(key)) return "it is the key of an invite";
  if (state.grants.has(key)) return "it is the key of a grant";
  return state.removed.has(key) ? "the key was removed before" : undefined;
}

function strangerProblem(state: LogState, key: string): string | undefined {
  const problem = unknownProblem(state, key);
  if (problem !== undefined) return problem;
  return state.recovery === key ? "it is the recovery key already" : undefined;
}

type Claim = NonNullable<EntryBody<"member">["claim"]>;

function isOwnClaim(step: Step, body: EntryBody<"member">, claim: Claim): boolean {
  const publicKey = bytesOf(body.public_key);
  const bytes = signedBytes("claim", {
    logId: step.logId,
    invite: claim.invite,
    publicKey,
    linkKey: bytesOf(body.link_key),
    sshHostKeysHash: sshHostKeysHash(step.crypto, body.ssh_host_keys),
    name: body.name,
    kind: body.kind,
    platform: body.platform,
    hubKey: bytesOf(claim.hub_key),
  });
  return step.crypto.verifyEd25519(publicKey, bytes, bytesOf(claim.own));
}

/** What a claim says of a device's SSH host keys: SHA-256 of their list in canonical JSON. */
export function sshHostKeysHash(crypto: Pick<Crypto, "sha256">, keys: readonly string[]): Uint8Array {
  return crypto.sha256(utf8(canonicalJson(keys)));
}

const SHARED = "the device is another owner's, who shares it";
const NOT_ADMIN = "its signer has no scope admin here";

function isAdmin({ state, by }: Step): boolean {
  return mayWrite(state, by);
}

/** A key keeps its link key and kind for good; otherwise a later entry could turn a vm into a laptop. */
function identityProblem(
  state: LogState,
  publicKey: Uint8Array,
  known: Participant | undefined,
  body: { link_key: string; kind: DeviceKind },
): string | undefined {
  if (state.claimKeys.has(keyText(publicKey))) return "the key of an invite is no device";
  if (state.grants.has(keyText(publicKey))) return "the key of a grant is no device";
  if (state.removed.has(keyText(publicKey))) return "the key was removed before";
  if (state.recovery === keyText(publicKey)) return "the recovery key is no device";
  if (known === undefined) return undefined;
  if (known.sharedBy !== undefined) return SHARED;
  if (known.kind !== body.kind) return `the device is known as a ${known.kind}`;
  return keyText(known.linkKey) === body.link_key ? undefined : "the device is known with another link key";
}

function leavesAnAdmin(state: LogState, changed: Participant): boolean {
  // Kept by words, it loses nobody.
  if (hasScope(changed, "admin") || !hasAdmin(state)) return true;
  const key = keyText(changed.publicKey);
  return [...state.participants].some(([text, one]) => text !== key && hasScope(one, "admin"));
}

function setParticipant(state: LogState, participant: Participant): void {
  state.participants.set(keyText(participant.publicKey), participant);
}

function isStrictlySorted(texts: readonly string[]): boolean {
  return texts.every((text, at) => at === 0 || text > (texts[at - 1] ?? ""));
}

function rule<Body>(schema: z.ZodType<Body>, run: (step: Step, body: Body) => string | undefined): Rule {
  return (step, value) => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return run(step, parsed.data);
    const path = parsed.error.issues[0]?.path.join(".") ?? "";
    return path === "" ? "its body has the wrong fields" : `its body has no proper ${path}`;
  };
}

/** Of text that the schema has checked. */
function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new RangeError("the schema let through what is no base64url");
  return bytes;
}

function isKnownKind(kind: string): kind is KnownKind {
  return Object.hasOwn(ENTRY_BODIES, kind);
}

function isDeclaredKind(kind: string): kind is EntryKind {
  return ENTRY_KINDS.some((declared) => declared === kind);
}
