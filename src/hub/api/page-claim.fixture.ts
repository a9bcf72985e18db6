// For tests: a device that the home's owner shares by a link, and teammates who have nothing but a browser.
import { expect } from "bun:test";
import { beginBrowserLog, browserClaimBytes } from "../../identity/browser-log.ts";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry, type OwnerLog } from "../../identity/owner-log.ts";
import type { Secret } from "../../identity/secret.ts";
import { makeShareOffer, offerOf, takeShared } from "../../identity/share-token.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import type { ClaimRequest } from "../../protocol/claim-api.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import { cookieOf, PAGE, type CallInit, type TestHub } from "./hub.fixture.ts";

export const HOUR_MS = 3_600_000;
export const PASSWORD = "correct horse battery";

export interface Scene {
  hub: TestHub;
  token: Secret<string>;
  /** Public half, as a page names it. */
  claimKey: string;
  /** Of the device that is shared. */
  key: Uint8Array;
}

export async function scene(hub: TestHub, name = "server"): Promise<Scene> {
  const { key: text } = await hub.home.device(name);
  const key = fromBase64Url(text) ?? new Uint8Array(0);
  const linkKey = hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32));
  await hub.parts.home.admitMember({ publicKey: key, linkKey, name, kind: "vps", platform: "linux-x86_64" });
  return offered(hub, key);
}

/** Once more, or to whoever has a machine. */
export async function offered(
  hub: TestHub,
  key: Uint8Array,
  to: "machines" | "anybody" = "anybody",
): Promise<Scene> {
  const hubKey = hub.hubSigner.publicKey;
  const { signer } = hub.home;
  const expiresAtMs = hub.clock.now() + HOUR_MS;
  const made = await makeShareOffer(hub.crypto, {
    log: hub.home.log(),
    hubKey,
    device: key,
    expiresAtMs,
    browser: to === "anybody",
    signer,
  });
  await hub.logs.append(made.entry);
  const { offer } = offerOf(hub.crypto, { token: made.token, log: hub.home.log(), hubKey });
  return { hub, key, token: made.token, claimKey: offer.claimKey };
}

export interface Browser {
  signer: Signer;
  log: OwnerLog;
}

export async function browser({ hub }: Pick<Scene, "hub">): Promise<Browser & { words: string }> {
  const signer = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));
  const linkKey = hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32));
  const given = { signer, linkKey, name: "Firefox on Linux", nowMs: hub.clock.now() };
  const { log, words } = await beginBrowserLog(hub.crypto, given);
  return { signer, log, words: words.reveal().join(" ") };
}

/** What a page sends whose browser takes the device into its log; from entry `from` on. It asks nobody whether it may. */
export async function claiming(
  { hub, token }: Scene,
  { signer, log }: Browser,
  from = 0,
): Promise<Pick<ClaimRequest, "entry" | "theirs" | "proof">> {
  const hubKey = hub.hubSigner.publicKey;
  const { device, offer, claimer } = offerOf(hub.crypto, { token, log: hub.home.log(), hubKey });
  const shared = await appendEntry(hub.crypto, hub.home.log(), {
    kind: "share",
    body: { step: "claim", offer: offer.number, owner: toBase64Url(log.id), name: "anna" },
    signer: claimer,
  });
  const taken = await takeShared(hub.crypto, { log, sharedBy: hub.home.log(), device, signer });
  const bytes = browserClaimBytes(hub.crypto, log, { offer: offer.number, hubKey });
  const proof = toBase64Url(await signer.sign(bytes ?? new Uint8Array(0)));
  // appendEntry gives a log of one entry at least
  return { entry: shared.entries.at(-1) as OwnerLogEntry, theirs: taken.log.entries.slice(from), proof };
}

export const send = (hub: TestHub, body: unknown, init: CallInit = {}): Promise<Response> =>
  hub.call("/api/claim", { body, origin: PAGE, ...init });
export async function comeIn(
  at: Scene,
  name = "anna",
): Promise<{ mate: Awaited<ReturnType<typeof browser>>; cookie: string; root: string }> {
  const mate = await browser(at);
  const answer = await send(at.hub, {
    ...(await claiming(at, mate)),
    newcomer: { name, password: PASSWORD },
  });
  expect(answer.status).toBe(200);
  return { mate, cookie: cookieOf(answer.headers.getSetCookie()), root: toBase64Url(mate.log.id) };
}
