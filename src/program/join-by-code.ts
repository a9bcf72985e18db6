// Joining by the hub's word: with a registration code that its page made, or by a person who approves this device
// there (RFC 8628). Either way the owner's log does not name it yet, so it takes no command until a controller
// has compared the words that are shown here.
import { z } from "zod";
import type { JoinOptions } from "../cli/surroundings.ts";
import { joiningWords, signJoining } from "../identity/joining.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { deviceRegisterResponse } from "../protocol/hub-api.ts";
import {
  deviceCodeResponse,
  deviceTokenRefusal,
  deviceTokenResponse,
  type JoiningDevice,
} from "../protocol/joining-api.ts";
import { tunnelPath, writeTunnelFile } from "../agent/tunnel-file.ts";
import type { FetchOptions } from "../world/world.ts";
import { callHub } from "./hub-call.ts";
import type { HomeParts } from "./parts.ts";

interface Hub {
  hubUrl: string;
  hubKey: Uint8Array;
}

type Joining = Omit<JoinOptions, "token"> & { way: FetchOptions };

export interface Place {
  device_id: string;
  name: string;
  hostname: string;
  ownerRoot: string;
  confirmed?: boolean;
}

const SECOND_MS = 1000;
/** A hub that names longer waits is not followed there. */
const INTERVAL_MAX_MS = 60 * SECOND_MS;

export async function joinByCode(
  parts: HomeParts,
  options: Joining & { code: string },
  { hubUrl, hubKey }: Hub,
): Promise<Place> {
  const { crypto, identity, world } = parts;
  const { code } = options;
  const device = aboutMe(parts, options);
  options.phase("claiming a place");
  const signature = await signJoining(crypto, identity.signer, { code, hubKey, device });
  const url = `${hubUrl}/api/device/register`;
  const body = { ...device, code, signature };
  const place = await callHub(world.network, options, { url, body, shape: deviceRegisterResponse });
  const { device_id, name, hostname, owners, tunnel_credentials: tunnel } = place;
  // Kept also where the configuration takes no named link yet: they come only once.
  if (tunnel !== undefined) await writeTunnelFile(world.disk, tunnelPath(parts.paths.home), tunnel);
  return { device_id, name, hostname, ownerRoot: owners[0] ?? "", confirmed: false };
}

export async function joinByApproval(
  parts: HomeParts,
  options: Joining,
  { hubUrl, hubKey }: Hub,
): Promise<Place> {
  const { crypto, identity, world } = parts;
  const device = aboutMe(parts, options);
  options.phase("asking to be let in");
  const url = `${hubUrl}/api/device/code`;
  const begun = await callHub(world.network, options, { url, body: device, shape: deviceCodeResponse });
  const { publicKey } = identity.signer;
  options.ask?.({
    userCode: begun.user_code,
    url: begun.verification_uri,
    completeUrl: begun.verification_uri_complete,
    words: joiningWords(crypto, { hubKey, publicKey, linkKey: identity.linkKey }),
    expiresInMs: begun.expires_in * SECOND_MS,
  });
  options.phase("waiting for your approval in the page");
  const code = begun.device_code;
  const signature = await signJoining(crypto, identity.signer, { code, hubKey, device });
  const endsAt = world.clock.monotonic() + begun.expires_in * SECOND_MS;
  for (let intervalMs = begun.interval * SECOND_MS; world.clock.monotonic() < endsAt;) {
    await pause(parts, options.stop, Math.min(intervalMs, INTERVAL_MAX_MS));
    const answer = await poll(parts, options, { url: `${hubUrl}/api/device/token`, code, signature });
    if ("device_id" in answer) {
      const { device_id, name, hostname, owner_root: ownerRoot, confirmed } = answer;
      return { device_id, name, hostname, ownerRoot, confirmed };
    }
    if (answer.error === "access_denied") {
      throw new MusterError("forbidden", "a person refused this device in the hub's page");
    }
    if (answer.error === "expired_token") break;
    if (answer.error === "slow_down")
      intervalMs = (answer.interval ?? intervalMs / SECOND_MS + 5) * SECOND_MS;
  }
  throw new MusterError("token_invalid", "nobody approved this device in time", {
    hint: "run `muster init` again for a new code",
  });
}

const pollAnswer = z.union([deviceTokenResponse, deviceTokenRefusal]);

async function poll(
  { world }: HomeParts,
  options: Joining,
  { url, code, signature }: { url: string; code: string; signature: string },
): Promise<z.infer<typeof pollAnswer>> {
  try {
    return await callHub(world.network, options, {
      url,
      body: { device_code: code, signature },
      shape: pollAnswer,
      refusal: (value) => deviceTokenRefusal.safeParse(value).data,
    });
  } catch (error) {
    options.stop.throwIfAborted();
    // A hub that restarts, or a network that goes for a moment, is no reason to ask a person again.
    const passing = error instanceof MusterError && PASSING.has(error.code);
    if (!passing) throw error;
    return { error: "authorization_pending", error_description: "" };
  }
}

const PASSING: ReadonlySet<string> = new Set(["hub_unreachable", "unavailable", "too_many"]);

function aboutMe({ identity, about, version }: HomeParts, options: Joining): JoiningDevice {
  return {
    public_key: toBase64Url(identity.signer.publicKey),
    link_key: toBase64Url(identity.linkKey),
    name: options.name ?? about.name,
    kind: options.kind ?? about.kind,
    platform: about.platform,
    version,
  };
}

function pause({ world }: HomeParts, stop: AbortSignal, delayMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.cancel();
      reject(new MusterError("unavailable", "told to stop"));
    };
    const timer = world.timers.after(delayMs, () => {
      stop.removeEventListener("abort", end);
      resolve();
    });
    if (stop.aborted) return end();
    stop.addEventListener("abort", end, { once: true });
  });
}
