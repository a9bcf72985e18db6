// Takes a device that another owner shares. The token pins hub and log, the log is fetched and checked, and the token
// itself never travels. A home that has joined nothing begins an owner log of its own with it; one that has uses its
// own, as far as it may write there.
import type { ClaimOptions, ClaimResult } from "../cli/surroundings.ts";
import { beginLog, verifyLog, type OwnerLog } from "../identity/owner-log.ts";
import type { CoOwner } from "../identity/owner-log-state.ts";
import { Secret } from "../identity/secret.ts";
import { pinOf } from "../identity/setup-token.ts";
import { makeShareClaim, offerOf, takeShared } from "../identity/share-token.ts";
import { equalBytes, equalSecretBytes, fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { deviceClaimResponse, deviceLogResponse, hubFacts } from "../protocol/hub-api.ts";
import { checkSecure } from "../protocol/hub-url.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { parseShareToken, tokenInvalid } from "../protocol/setup-token.ts";
import { readHubFile, writeHubFile } from "./home-state.ts";
import { callHub, type CallOptions } from "./hub-call.ts";
import { hubKeyOf, readAuthority } from "./join.ts";
import type { Environment, HomeParts } from "./parts.ts";
import { wayTo } from "./way-to.ts";

/** Others may write at the same time; then both logs are fetched and all is signed anew. */
const TRIES_MAX = 5;

interface Hub {
  url: string;
  key: Uint8Array;
  call: CallOptions;
  ca: string | undefined;
  insecure: boolean;
}

export async function claimShare(
  parts: HomeParts,
  options: ClaimOptions,
  environment: Environment,
): Promise<ClaimResult> {
  const joined = await readHubFile(parts.world.disk, parts.paths);
  const token = parseShareToken(options.token);
  const hub = await hubOf(parts, { options, joined, environment });
  for (let tries = 1; ; tries++) {
    options.phase("fetching the owner log");
    const shared = await logByPin(parts, hub, token.pin).catch((error: unknown) => {
      throw refusedToken(error, { options, joined });
    });
    const own = joined === undefined ? undefined : await ownLog(parts, hub, { joined, known: options.known });
    const result = await claim(parts, hub, { options, joined, shared, own }).catch((error: unknown) => {
      throw refusedToken(error, { options, joined: undefined });
    });
    if (result !== undefined) return result;
    if (tries >= TRIES_MAX)
      throw new MusterError("conflict", "the owner logs move on faster than this can sign");
  }
}

/** For people: a link of another hub than the home's is as unknown there as a wrong one. */
function refusedToken(
  error: unknown,
  { options: { hubUrl }, joined }: { options: ClaimOptions; joined: HubFile | undefined },
): unknown {
  const isUnknown = error instanceof MusterError && error.code === "token_invalid";
  if (!isUnknown) return error;
  if (joined === undefined || hubUrl === undefined || hubUrl === joined.hub_url) {
    return new MusterError("token_invalid", error.message, {
      hint: "ask the device's owner for a new one: muster device token --share DEVICE",
    });
  }
  return new MusterError(
    "already_joined",
    `this home has joined ${joined.hub_url}, the link is of ${hubUrl}`,
    {
      hint: "claim it in a home of its own: MUSTER_HOME=~/.muster-shared muster device claim LINK",
    },
  );
}

/** Undefined where one of the logs has moved on since it was fetched. */
async function claim(
  parts: HomeParts,
  hub: Hub,
  given: {
    options: ClaimOptions;
    joined: HubFile | undefined;
    shared: OwnerLog;
    own: OwnerLog | undefined;
  },
): Promise<ClaimResult | undefined> {
  const { crypto, identity } = parts;
  const { options, joined, shared } = given;
  const { signer } = identity;
  const wish = { token: new Secret(options.token), log: shared, hubKey: hub.key };
  const { offer, device } = offerOf(crypto, wish);
  const own = given.own ?? (await ownBefore(parts, hub, offer.spentBy));
  const name = options.as ?? joined?.name ?? parts.about.name;
  if (own !== undefined && equalBytes(own.id, shared.id)) {
    throw new MusterError("conflict", "that device is this owner's already");
  }
  const standing = own === undefined ? undefined : coOwnerIn(shared, { own, device: offer.device });
  if (own !== undefined && standing !== undefined && own.participant(device.publicKey) !== undefined) {
    // What came after the claim may have been lost.
    return joined === undefined ? join(parts, hub, { own, device }) : resultOf(hub, { device, crypto });
  }
  const before = own ?? (await begin(parts));
  if (!before.mayAdmin(signer.publicKey, parts.world.clock.now())) {
    throw new MusterError("forbidden", "this device may not take others' devices for its owner", {
      hint: "do it on a controller with the scope admin: see muster device owners",
    });
  }
  // One who has let the device go is still let in by its owner, and takes it again by the same claim.
  const entry =
    standing === undefined
      ? (await makeShareClaim(crypto, { ...wish, owner: before, name })).entry
      : shared.entries[standing.entry];
  const taken =
    before.participant(device.publicKey) === undefined
      ? (await takeShared(crypto, { log: before, sharedBy: shared, device, signer })).log
      : before;
  options.phase("claiming the device");
  const answer = await callHub(parts.world.network, hub.call, {
    url: `${hub.url}/api/device/claim`,
    body: { entry, theirs: taken.entries.slice(own === undefined ? 0 : own.length) },
    shape: deviceClaimResponse,
  }).catch((error: unknown) => {
    if (error instanceof MusterError && error.code === "conflict") return undefined;
    throw error;
  });
  if (answer === undefined) return undefined;
  if (joined !== undefined) return { ...resultOf(hub, { device, crypto }), name: answer.name };
  const result = await join(parts, hub, { own: taken, device, home: answer.home ?? undefined });
  return { ...result, name: answer.name };
}

function coOwnerIn(
  shared: OwnerLog,
  { own, device }: { own: OwnerLog; device: string },
): CoOwner | undefined {
  const owner = toBase64Url(own.id);
  return shared.coOwners().find((one) => one.owner === owner && one.device === device);
}

/** The log that the token, or a home's own pin, names. The hub is not asked which log is right. */
async function logByPin({ world, crypto }: HomeParts, hub: Hub, pin: Uint8Array): Promise<OwnerLog> {
  const answer = await callHub(world.network, hub.call, {
    url: `${hub.url}/api/device/log`,
    body: { pin: toBase64Url(pin) },
    shape: deviceLogResponse,
  });
  const log = verifyLog(crypto, answer.entries);
  if (!equalSecretBytes(pinOf(crypto, log.id, hub.key), pin)) throw tokenInvalid();
  return log;
}

async function ownLog(
  parts: HomeParts,
  hub: Hub,
  { joined, known }: { joined: HubFile; known: ClaimOptions["known"] },
): Promise<OwnerLog> {
  const root = fromBase64Url(joined.owner_root) ?? new Uint8Array(0);
  const log = await logByPin(parts, hub, pinOf(parts.crypto, root, hub.key));
  // An entry that is signed behind an older end would be a fork, and this home's own doing.
  const end = known === undefined ? undefined : log.hashAt(known.entries - 1);
  if (known === undefined || toBase64Url(end ?? new Uint8Array(0)) === known.head) return log;
  throw new MusterError(
    "owner_log_invalid",
    "the hub shows less of this owner's log than this home has seen",
  );
}

/** Of a home that claimed before and did not hear the answer. */
async function ownBefore(
  parts: HomeParts,
  hub: Hub,
  spentBy: string | undefined,
): Promise<OwnerLog | undefined> {
  const root = spentBy === undefined ? undefined : fromBase64Url(spentBy);
  if (root === undefined) return undefined;
  const log = await logByPin(parts, hub, pinOf(parts.crypto, root, hub.key)).catch(() => undefined);
  return log?.entries[0]?.by === toBase64Url(parts.identity.signer.publicKey) ? log : undefined;
}

function begin({ crypto, identity, about }: HomeParts): Promise<OwnerLog> {
  const { name, kind, platform } = about;
  return beginLog(crypto, identity.signer, {
    name,
    kind,
    platform,
    link_key: toBase64Url(identity.linkKey),
  });
}

async function join(
  parts: HomeParts,
  hub: Hub,
  given: {
    own: OwnerLog;
    device: { publicKey: Uint8Array; name: string };
    home?: { device_id: string; name: string; hostname: string } | undefined;
  },
): Promise<ClaimResult> {
  const { crypto, identity, world, paths, about } = parts;
  const { own, device } = given;
  const id = deviceIdOf(crypto.sha256(identity.signer.publicKey));
  const home = given.home ?? { device_id: id, name: about.name, hostname: "" };
  await writeHubFile(world.disk, paths, {
    hub_url: hub.url,
    hub_id: deviceIdOf(crypto.sha256(hub.key)),
    hub_key: toBase64Url(hub.key),
    device_id: home.device_id,
    name: home.name,
    hostname: home.hostname,
    owner_root: toBase64Url(own.id),
    controller: true,
    embedded: false,
    ...(hub.url.startsWith("http:") && hub.insecure ? { insecure: true } : {}),
    ...(hub.ca === undefined ? {} : { ca: hub.ca }),
  });
  return { ...resultOf(hub, { device, crypto }), joined: home.name };
}

function resultOf(
  hub: Hub,
  { device, crypto }: { device: { publicKey: Uint8Array; name: string }; crypto: HomeParts["crypto"] },
): ClaimResult {
  const device_id = deviceIdOf(crypto.sha256(device.publicKey));
  return { device_id, name: device.name, hub_url: hub.url, joined: null };
}

/** That of the home where it has joined one: its key is pinned, and the token's pin must fit it. */
async function hubOf(
  parts: HomeParts,
  given: { options: ClaimOptions; joined: HubFile | undefined; environment: Environment },
): Promise<Hub> {
  const { options, joined, environment } = given;
  const url = joined?.hub_url ?? options.hubUrl;
  if (url === undefined) {
    throw new MusterError(
      "usage",
      "this home has joined no hub, so the token alone does not say where it leads",
      {
        hint: "give the whole link: muster device claim HUB_URL/claim#TOKEN",
      },
    );
  }
  const insecure = options.insecure || joined?.insecure === true;
  checkSecure(url, insecure);
  const ca =
    joined?.ca ?? (options.ca === undefined ? undefined : await readAuthority(parts.world.disk, options.ca));
  const call = { stop: options.stop, way: wayTo(url, { ca, environment }) };
  const facts = await callHub(parts.world.network, call, { url: `${url}/api/hub`, shape: hubFacts });
  const key = hubKeyOf(parts, facts, url);
  if (joined !== undefined && joined.hub_key !== toBase64Url(key)) {
    throw new MusterError("bad_signature", `what answers at ${url} is not the hub that this home has joined`);
  }
  return { url, key, call, ca, insecure };
}
