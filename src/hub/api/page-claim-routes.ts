// `HUB/claim#TOKEN` in a browser: what the link offers, and the claim by a click. Whoever has no account gets one with
// it, and the browser's key an owner log of its own; whoever has both just takes the device. The token stays in the
// page, which signs by it; nothing is spent by looking.
//
// An account is made only once the token is known to be good, and taken back where somebody else was quicker: nobody
// learns by this which names are taken who was not invited, and a refused claim leaves nothing behind.
import { browserClaimBytes } from "../../identity/browser-log.ts";
import type { ShareOffer } from "../../identity/owner-log-state.ts";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { fromBase64Url } from "../../protocol/bytes.ts";
import {
  claimOfferRequest,
  claimRequest,
  type ClaimOffer,
  type ClaimRequest,
  type ClaimResponse,
} from "../../protocol/claim-api.ts";
import { MusterError } from "../../protocol/errors.ts";
import { tokenInvalid } from "../../protocol/setup-token.ts";
import { findDeviceByKey, type DeviceRow } from "../../store/devices.ts";
import { findInvite } from "../../store/invites.ts";
import { findOwner } from "../../store/owners.ts";
import type { AccountSession } from "../accounts/accounts.ts";
import { coOwnersOf } from "../co-owners.ts";
import { RateLimiter, sourceOf } from "../rate-limit.ts";
import { ownerRootsOf } from "./actor.ts";
import { json } from "./answers.ts";
import { tellRefusal } from "./device-routes.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource } from "./hub-resource.ts";
import { FIRST_NAME } from "./login-route.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";
import { commitClaim, readClaim, type ReadClaim } from "./share-claiming.ts";

const LOOKS = { burst: 60, refillMs: 60_000 };

export function pageClaimRoutes(parts: ApiParts, entries: RateLimiter): Route[] {
  const looks = new RateLimiter(parts.clock, LOOKS);
  return [
    route<"account.enter">({
      method: "POST",
      path: "/api/claim/offer",
      action: "account.enter",
      at: "page",
      async answer(call) {
        call.allow(hubResource(parts));
        holdBack(looks.take(sourceOf(call.facts.visitor)));
        const { claim_key } = await call.json(claimOfferRequest);
        return json(await offerOf(parts, claim_key, await parts.accounts.sessionOf(call.request)));
      },
    }),
    route<"account.enter">({
      method: "POST",
      path: "/api/claim",
      action: "account.enter",
      at: "page",
      async answer(call) {
        call.allow(hubResource(parts));
        holdBack(entries.take(sourceOf(call.facts.visitor)));
        const asked = await call.json(claimRequest);
        try {
          const { answer, cookies } = await claim(parts, asked, call);
          return json(answer, { cookies });
        } catch (error) {
          await tellRefusal(parts, error, { facts: call.facts, target: "share token" });
          throw error;
        }
      },
    }),
  ];
}

async function offerOf(
  parts: ApiParts,
  claimKey: string,
  session: AccountSession | undefined,
): Promise<ClaimOffer> {
  const invite = await findInvite(parts.db, fromBase64Url(claimKey) ?? new Uint8Array(0));
  if (invite?.role !== "owner") throw tokenInvalid();
  const roots = session === undefined ? [] : await ownerRootsOf(parts, session.userId);
  const own = parts.ownerLogs.get(invite.owner_root);
  const offer = own?.shareOffer(invite.number);
  const device = await offeredDevice(parts, own, offer);
  if (invite.spent_at !== null) {
    const mine = offer?.spentBy !== undefined && roots.includes(offer.spentBy) ? offer.spentBy : undefined;
    if (mine === undefined) return { state: "spent", mine: false };
    const isNamed =
      own?.coOwners().some((one) => one.device === offer?.device && one.owner === mine) === true;
    if (device === undefined || !isNamed) return { state: "withdrawn" };
    // Who let it go takes it again by the claim that stands.
    if (coOwnersOf(parts.ownerLogs, device).includes(mine)) return { state: "spent", mine: true };
    return { ...(await openOffer(parts, device, offer)), expires_at: null, relation: "none" };
  }
  if (invite.expires_at <= parts.clock.now()) return { state: "over" };
  if (own === undefined || device === undefined) return { state: "withdrawn" };
  const has = own.coOwners().some((one) => one.device === offer?.device && roots.includes(one.owner));
  return {
    ...(await openOffer(parts, device, offer)),
    expires_at: new Date(invite.expires_at).toISOString(),
    relation: roots.includes(invite.owner_root) ? "own" : has ? "shared" : "none",
  };
}

type OpenOffer = Extract<ClaimOffer, { state: "open" }>;

async function openOffer(
  parts: ApiParts,
  device: DeviceRow,
  offer: ShareOffer | undefined,
): Promise<Pick<OpenOffer, "state" | "device" | "by" | "browsers">> {
  const { device_id: id, name, kind } = device;
  const by = await ownerName(parts, device);
  return { state: "open", device: { id, name, kind }, by, browsers: offer?.browser === true };
}

/** Undefined where its owner has it no more. */
async function offeredDevice(
  { db }: ApiParts,
  own: OwnerLog | undefined,
  offer: ShareOffer | undefined,
): Promise<DeviceRow | undefined> {
  const key = fromBase64Url(offer?.device ?? "") ?? new Uint8Array(0);
  const row = own?.participant(key) === undefined ? undefined : await findDeviceByKey(db, key);
  return row?.revoked_at === null ? row : undefined;
}

async function ownerName(
  { db, accounts }: ApiParts,
  { owner_root }: Pick<DeviceRow, "owner_root">,
): Promise<string | null> {
  const userId = (await findOwner(db, owner_root))?.user_id ?? undefined;
  const name = userId === undefined ? undefined : await accounts.nameOf(userId);
  // One that nobody chose says nothing.
  return name === undefined || name === FIRST_NAME ? null : name;
}

interface Claimed {
  answer: ClaimResponse;
  cookies: string[];
}

async function claim(
  parts: ApiParts,
  asked: ClaimRequest,
  call: Pick<Call, "request" | "facts">,
): Promise<Claimed> {
  const { facts } = call;
  const read = await readClaim(parts, asked);
  const session = await parts.accounts.sessionOf(call.request);
  const begins = read.added[0]?.number === 0;
  if (!begins && (read.beginner === undefined || !read.isRepeat)) {
    return takeIntoOwn(parts, read, { session, facts });
  }
  demandProof(parts, read, asked.proof);
  if (read.isRepeat) return comeAgain(parts, read, facts);
  // Before an account is made of it, or a name looked up.
  await demandOpen(parts, read);
  if (session !== undefined) {
    await commitClaim(parts, read, { userId: session.userId, facts });
    return { answer: answerOf(read, session), cookies: [] };
  }
  if (asked.newcomer === undefined) {
    throw new MusterError("unauthorized", "not signed in", { hint: "sign in, or say what to call you" });
  }
  const { name, password } = asked.newcomer;
  const made = await parts.accounts.createOwner(name, password);
  try {
    await commitClaim(parts, read, { userId: made.userId, facts });
  } catch (error) {
    await parts.accounts.discard(made.userId);
    throw error;
  }
  return enter(parts, read, { userId: made.userId, facts });
}

/** Into a log that is here already, by the account that it is of. */
async function takeIntoOwn(
  parts: ApiParts,
  read: ReadClaim,
  { session, facts }: { session: AccountSession | undefined; facts: RequestFacts },
): Promise<Claimed> {
  if (session === undefined)
    throw new MusterError("unauthorized", "not signed in", { hint: "sign in first" });
  const roots = await ownerRootsOf(parts, session.userId);
  if (!roots.includes(read.otherRoot)) {
    throw new MusterError("forbidden", "that owner log is of another account");
  }
  await commitClaim(parts, read, { userId: session.userId, facts });
  return { answer: answerOf(read, session), cookies: [] };
}

/** The answer was lost on its way: the same browser asks once more, and its key says so. */
async function comeAgain(parts: ApiParts, read: ReadClaim, facts: RequestFacts): Promise<Claimed> {
  const userId = (await findOwner(parts.db, read.otherRoot))?.user_id ?? undefined;
  if (userId === undefined) throw tokenInvalid();
  await commitClaim(parts, read, { userId, facts });
  return enter(parts, read, { userId, facts });
}

async function enter(
  { accounts, audit }: ApiParts,
  read: ReadClaim,
  { userId, facts }: { userId: string; facts: RequestFacts },
): Promise<Claimed> {
  const { session, cookies } = await accounts.signIn(userId, facts.visitor);
  await audit.record({
    actor: `user:${userId}`,
    action: "account.signed_in",
    target: `user:${userId}`,
    detail: { by: "share link", name: session.name },
    ownerRoot: read.otherRoot,
    requestId: facts.requestId,
  });
  return { answer: answerOf(read, session), cookies };
}

/** By the very browser whose key begins the log: an entry alone may come from whoever has read it. */
function demandProof(
  { crypto, hubSigner }: ApiParts,
  { beginner, other, offer }: ReadClaim,
  proof: string | undefined,
): void {
  if (beginner === undefined) return;
  const bytes = browserClaimBytes(crypto, other, { offer, hubKey: hubSigner.publicKey });
  if (bytes === undefined) {
    throw new MusterError("invalid", "only a browser claims here", {
      hint: "on a machine: muster device claim LINK",
    });
  }
  const signature = fromBase64Url(proof ?? "");
  if (signature?.length === 64 && crypto.verifyEd25519(beginner.publicKey, bytes, signature)) return;
  throw tokenInvalid();
}

async function demandOpen({ db, clock }: ApiParts, { claimKey, entry }: ReadClaim): Promise<void> {
  const invite = await findInvite(db, claimKey);
  const open =
    invite?.owner_root === entry.log && invite.spent_at === null && invite.expires_at > clock.now();
  if (!open) throw tokenInvalid();
}

function answerOf({ device }: ReadClaim, { userId, name }: AccountSession): ClaimResponse {
  return { user: { id: userId, name }, device: { id: device.device_id, name: device.name } };
}
