// Joining a hub. With a setup token: the token pins hub and owner log, the log is fetched and checked, and a
// claim is signed by the token's own key and by this device's. The token itself never travels.
import type { JoinOptions, JoinResult } from "../cli/surroundings.ts";
import { verifyLog } from "../identity/owner-log.ts";
import { Secret } from "../identity/secret.ts";
import { invitedName, makeClaim, pinOf } from "../identity/setup-token.ts";
import { equalSecretBytes, fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { deviceLogResponse, deviceRegisterResponse, hubFacts, type HubFacts } from "../protocol/hub-api.ts";
import { checkSecure } from "../protocol/hub-url.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { isNumberedFrom } from "../protocol/names.ts";
import { REGISTRATION_CODE } from "../protocol/joining-api.ts";
import { parseSetupToken, tokenInvalid } from "../protocol/setup-token.ts";
import { tunnelPath, writeTunnelFile } from "../agent/tunnel-file.ts";
import type { Disk, FetchOptions } from "../world/world.ts";
import { ensureCloudflared } from "./cloudflared/ensure.ts";
import { readHubFile, writeHubFile } from "./home-state.ts";
import { callHub } from "./hub-call.ts";
import { joinByApproval, joinByCode } from "./join-by-code.ts";
import type { Environment, HomeParts } from "./parts.ts";
import { wayTo } from "./way-to.ts";

/** Another device may claim at the same moment; then the log is fetched and the claim signed anew. */
const TRIES_MAX = 5;
const CA_MAX_BYTES = 256 * 1024;

/** What every call of one joining takes. */
type Joining = JoinOptions & { way: FetchOptions };

export async function joinHub(
  parts: HomeParts,
  asked: JoinOptions,
  environment: Environment,
): Promise<JoinResult> {
  const hubUrl = new URL(asked.hubUrl).origin;
  const ca = asked.ca === undefined ? undefined : await readAuthority(parts.world.disk, asked.ca);
  const options: Joining = { ...asked, way: wayTo(hubUrl, { ca, environment }) };
  checkSecure(hubUrl, options.insecure);
  if (options.namedLink === true) await refuseWithoutNamed(parts, options, { hubUrl, environment });
  const known = await joinedBefore(parts, options, hubUrl);
  if (known !== undefined) return known;
  const facts = await askFacts(parts, options, hubUrl);
  const hubKey = hubKeyOf(parts, facts, hubUrl);
  const joined = await takePlace(parts, options, { hubUrl, hubKey });
  await writeHubFile(parts.world.disk, parts.paths, {
    hub_url: hubUrl,
    hub_id: facts.hub_id,
    hub_key: toBase64Url(hubKey),
    device_id: joined.device_id,
    name: joined.name,
    hostname: joined.hostname,
    owner_root: joined.ownerRoot,
    controller: false,
    embedded: false,
    ...(options.insecure && hubUrl.startsWith("http:") ? { insecure: true } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
  const { device_id, name, hostname, confirmed } = joined;
  return { before: false, device_id, name, hostname, ...(confirmed === undefined ? {} : { confirmed }) };
}

function askFacts(parts: HomeParts, options: Joining, hubUrl: string): Promise<HubFacts> {
  options.phase("asking the hub who it is");
  return callHub(parts.world.network, options, { url: `${hubUrl}/api/hub`, shape: hubFacts });
}

/** Before anything is claimed or set aside. */
async function refuseWithoutNamed(
  parts: HomeParts,
  options: Joining,
  { hubUrl, environment }: { hubUrl: string; environment: Environment },
): Promise<void> {
  const { links = [] } = await askFacts(parts, options, hubUrl);
  if (!links.includes("named")) {
    throw new MusterError("unavailable", `the hub ${hubUrl} has no named links`, {
      hint: "join without --link named, or have its owner set the three CLOUDFLARE_ variables and start it again",
    });
  }
  const { world, paths, about } = parts;
  const { platform } = about;
  const { say, stop } = options;
  await ensureCloudflared({ world, home: paths.home, environment, platform, say, stop });
}

/** By a setup token, a registration code, or the word of a person in the hub's page. */
function takePlace(
  parts: HomeParts,
  options: Joining,
  hub: { hubUrl: string; hubKey: Uint8Array },
): Promise<Claimed> {
  const { token } = options;
  if (token === undefined) return joinByApproval(parts, options, hub);
  return REGISTRATION_CODE.test(token)
    ? joinByCode(parts, { ...options, code: token }, hub)
    : claimPlace(parts, { ...options, token }, hub);
}

/** What a claim by a setup token takes. */
type Claiming = Pick<Joining, "name" | "kind" | "way" | "stop" | "phase"> & { token: string };

interface Claimed extends Omit<JoinResult, "before"> {
  ownerRoot: string;
}

/** Its text is kept, so that the file may go. */
export async function readAuthority(disk: Disk, path: string): Promise<string> {
  const info = await disk.info(path);
  const text =
    info?.kind === "file" && info.size <= CA_MAX_BYTES ? new TextDecoder().decode(await disk.read(path)) : "";
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  const what = info === undefined ? "does not exist" : "holds no certificate";
  throw new MusterError("invalid", `--ca "${path}" ${what}`, {
    hint: "give the PEM file of the authority that signed the hub's certificate",
  });
}

export async function claimPlace(
  parts: HomeParts,
  options: Claiming,
  hub: { hubUrl: string; hubKey: Uint8Array },
): Promise<Claimed> {
  const { crypto, identity, about, version } = parts;
  options.phase("fetching the owner log");
  const token = parseSetupToken(options.token);
  const secret = new Secret(options.token);
  const kind = options.kind ?? about.kind;
  for (let tries = 1; ; tries += 1) {
    const answer = await callHub(parts.world.network, options, {
      url: `${hub.hubUrl}/api/device/log`,
      body: { pin: toBase64Url(token.pin) },
      shape: deviceLogResponse,
    });
    const log = verifyLog(crypto, answer.entries);
    // The hub is not asked which log is right: the token says.
    if (!equalSecretBytes(pinOf(crypto, log.id, hub.hubKey), token.pin)) throw tokenInvalid();
    const name = nameToClaim(options.name, invitedName(log, secret)) ?? about.name;
    const { entry } = await makeClaim(crypto, {
      token: secret,
      log,
      hubKey: hub.hubKey,
      device: {
        signer: identity.signer,
        linkKey: identity.linkKey,
        name,
        kind,
        platform: about.platform,
        sshHostKeys: [],
      },
    });
    options.phase("claiming a place");
    try {
      const place = await callHub(parts.world.network, options, {
        url: `${hub.hubUrl}/api/device/register`,
        body: { entry, name, kind, platform: about.platform, version },
        shape: deviceRegisterResponse,
      });
      const { device_id, name: given, hostname, tunnel_credentials: tunnel } = place;
      // Kept also where the configuration takes no named link yet: they come only once.
      if (tunnel !== undefined) await writeTunnelFile(parts.world.disk, tunnelPath(parts.paths.home), tunnel);
      return { device_id, name: given, hostname, ownerRoot: toBase64Url(log.id) };
    } catch (error) {
      const moved = error instanceof MusterError && error.code === "conflict";
      if (!moved || tries >= TRIES_MAX) throw error;
    }
  }
}

/** The word of who made the token stands; the device may only say the same, numbered where that name is taken. */
function nameToClaim(asked: string | undefined, invited: string | undefined): string | undefined {
  if (asked === undefined || invited === undefined || isNumberedFrom(invited, asked)) return asked ?? invited;
  throw new MusterError("invalid", `the token lets in a device named "${invited}", not "${asked}"`, {
    hint: `join with --name ${invited}, or make another token: \`muster device token --name ${asked}\``,
  });
}

/** A home belongs to one hub. Joining its own again changes nothing; another one only with --replace. */
async function joinedBefore(
  { world, paths }: HomeParts,
  options: JoinOptions,
  hubUrl: string,
): Promise<JoinResult | undefined> {
  const known = await readHubFile(world.disk, paths).catch((error: unknown) => {
    if (options.replace) return undefined;
    throw error;
  });
  if (known !== undefined && !options.replace) {
    const { device_id, name, hostname = "" } = known;
    if (known.hub_url === hubUrl && !known.embedded) return { before: true, device_id, name, hostname };
    throw new MusterError("already_joined", `this home has joined the hub at ${known.hub_url}`, {
      hint: known.embedded ? "start it: muster start" : "leave it for the new one with --replace",
    });
  }
  await setAside(world.disk, paths.hubFile);
  return undefined;
}

async function setAside(disk: Disk, path: string): Promise<void> {
  if ((await disk.info(path)) !== undefined) await disk.rename(path, `${path}.left`);
}

export function hubKeyOf({ crypto }: HomeParts, facts: HubFacts, hubUrl: string): Uint8Array {
  const key = fromBase64Url(facts.hub_key);
  if (key?.length !== 32 || deviceIdOf(crypto.sha256(key)) !== facts.hub_id) {
    throw new MusterError(
      "bad_signature",
      `what answers at ${hubUrl} is no hub: its id does not fit its key`,
    );
  }
  return key;
}
