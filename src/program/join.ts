// Joining a hub with a setup token: the token pins hub and owner log, the log is fetched and checked, and a
// claim is signed by the token's own key and by this device's. The token itself never travels.
import type { JoinOptions, JoinResult } from "../cli/surroundings.ts";
import { verifyLog } from "../identity/owner-log.ts";
import { Secret } from "../identity/secret.ts";
import { makeClaim, pinOf } from "../identity/setup-token.ts";
import { equalSecretBytes, fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { isErrorCode, MusterError } from "../protocol/errors.ts";
import { deviceLogResponse, deviceRegisterResponse, hubFacts, type HubFacts } from "../protocol/hub-api.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { parseSetupToken, tokenInvalid } from "../protocol/setup-token.ts";
import type { z } from "zod";
import { proxyFor, proxyUrl } from "../agent/link/proxy.ts";
import type { Disk, FetchOptions } from "../world/world.ts";
import { readHubFile, writeHubFile } from "./home-state.ts";
import { checkSecure } from "./hub-address.ts";
import type { Environment, HomeParts } from "./parts.ts";

const CALL_TIMEOUT_MS = 10_000;
/** Another device may claim at the same moment; then the log is fetched and the claim signed anew. */
const TRIES_MAX = 5;
const ANSWER_MAX_BYTES = 80 * 1024 * 1024;
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
  const proxy = proxyFor(hubUrl, environment);
  const way: FetchOptions = {
    ...(ca === undefined ? {} : { ca }),
    ...(proxy === undefined ? {} : { proxy: proxyUrl(proxy).reveal() }),
  };
  const options: Joining = { ...asked, way };
  checkSecure(hubUrl, options.insecure);
  const known = await joinedBefore(parts, options, hubUrl);
  if (known !== undefined) return known;
  options.phase("asking the hub who it is");
  const facts = await call(parts, options, { url: `${hubUrl}/api/hub`, shape: hubFacts });
  const hubKey = hubKeyOf(parts, facts, hubUrl);
  options.phase("fetching the owner log");
  const joined = await claim(parts, options, { hubUrl, hubKey });
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
  return { before: false, device_id: joined.device_id, name: joined.name, hostname: joined.hostname };
}

interface Claimed extends Omit<JoinResult, "before"> {
  ownerRoot: string;
}

/** Its text is kept, so that the file may go. */
async function readAuthority(disk: Disk, path: string): Promise<string> {
  const info = await disk.info(path);
  const text =
    info?.kind === "file" && info.size <= CA_MAX_BYTES ? new TextDecoder().decode(await disk.read(path)) : "";
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  const what = info === undefined ? "does not exist" : "holds no certificate";
  throw new MusterError("invalid", `--ca "${path}" ${what}`, {
    hint: "give the PEM file of the authority that signed the hub's certificate",
  });
}

async function claim(
  parts: HomeParts,
  options: Joining,
  hub: { hubUrl: string; hubKey: Uint8Array },
): Promise<Claimed> {
  const { crypto, identity, about, version } = parts;
  const token = parseSetupToken(options.token);
  const name = options.name ?? about.name;
  const kind = options.kind ?? about.kind;
  for (let tries = 1; ; tries += 1) {
    const answer = await call(parts, options, {
      url: `${hub.hubUrl}/api/device/log`,
      body: { pin: toBase64Url(token.pin) },
      shape: deviceLogResponse,
    });
    const log = verifyLog(crypto, answer.entries);
    // The hub is not asked which log is right: the token says.
    if (!equalSecretBytes(pinOf(crypto, log.id, hub.hubKey), token.pin)) throw tokenInvalid();
    const { entry } = await makeClaim(crypto, {
      token: new Secret(options.token),
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
      const place = await call(parts, options, {
        url: `${hub.hubUrl}/api/device/register`,
        body: { entry, name, kind, platform: about.platform, version },
        shape: deviceRegisterResponse,
      });
      const { device_id, name: given, hostname } = place;
      return { device_id, name: given, hostname, ownerRoot: toBase64Url(log.id) };
    } catch (error) {
      const moved = error instanceof MusterError && error.code === "conflict";
      if (!moved || tries >= TRIES_MAX) throw error;
    }
  }
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

function hubKeyOf({ crypto }: HomeParts, facts: HubFacts, hubUrl: string): Uint8Array {
  const key = fromBase64Url(facts.hub_key);
  if (key?.length !== 32 || deviceIdOf(crypto.sha256(key)) !== facts.hub_id) {
    throw new MusterError(
      "bad_signature",
      `what answers at ${hubUrl} is no hub: its id does not fit its key`,
    );
  }
  return key;
}

interface Call<Shape extends z.ZodType> {
  url: string;
  body?: unknown;
  shape: Shape;
}

async function call<Shape extends z.ZodType>(
  { world }: HomeParts,
  { stop, way }: Joining,
  { url, body, shape }: Call<Shape>,
): Promise<z.infer<Shape>> {
  const init: RequestInit = {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Accept: "application/json",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    signal: AbortSignal.any([stop, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const origin = new URL(url).origin;
  let response: Response;
  let text: string;
  try {
    response = await world.network.fetch(url, init, way);
    text = await boundedText(response);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MusterError("hub_unreachable", `can't reach the hub at ${origin}: ${why}`, {
      hint: "check the address, and that this machine is online",
      cause: error,
    });
  }
  const value = parseJson(text);
  const read = response.ok ? shape.safeParse(value) : undefined;
  if (read?.success === true) return read.data;
  throw refusalIn(value) ?? notAHub(origin, response.status);
}

async function boundedText(response: Response): Promise<string> {
  const bytes = await response.bytes();
  if (bytes.length > ANSWER_MAX_BYTES) throw new Error("the answer is too long");
  return new TextDecoder().decode(bytes);
}

/** A captive portal or a wrong address answers in HTML, or with a redirect. */
function notAHub(origin: string, status: number): MusterError {
  return new MusterError("hub_unreachable", `what answers at ${origin} is no hub (status ${status})`, {
    hint: "check the address; on a guest network, sign in to it first",
  });
}

function refusalIn(value: unknown): MusterError | undefined {
  if (typeof value !== "object" || value === null || !("error" in value)) return undefined;
  const { error } = value;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error))
    return undefined;
  const { code, message } = error;
  if (typeof code !== "string" || typeof message !== "string" || !isErrorCode(code)) return undefined;
  const hint = "hint" in error && typeof error.hint === "string" ? { hint: error.hint } : {};
  return new MusterError(code, message, hint);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no shape takes it
  }
}
