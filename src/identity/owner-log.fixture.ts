// One owner log with a bit of everything, and the means to forge entries, for the tests of the log.

import { toBase64Url, utf8 } from "../protocol/bytes.ts";
import { canonicalJson } from "../protocol/canonical-json.ts";
import type { JsonValue } from "../protocol/canonical-json.ts";
import { refusal } from "./refusal.fixture.ts";
import type { EntryBody, OwnerLogEntry } from "../protocol/owner-log.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { Signer } from "./crypto.ts";
import { appendEntry, beginLog, extendLog } from "./owner-log.ts";
import type { OwnerLog } from "./owner-log.ts";
import { seededCrypto } from "./crypto.fixture.ts";
import { makeClaim, makeInvite } from "./setup-token.ts";

export const crypto = seededCrypto("owner-log");
export const DAY_MS = 86_400_000;
export const NOW = 1_800_000_000_000;
export const HUB_KEY = crypto.randomBytes(32);
export const newSigner = (): Signer => crypto.ed25519Signer(crypto.randomBytes(32));
export const newKey = (): string => toBase64Url(crypto.randomBytes(32));

export const home = newSigner();
export const phone = newSigner();
export const laptop = newSigner();
export const begun = await beginLog(crypto, home, {
  name: "home",
  kind: "desktop",
  platform: "linux-x86_64",
  link_key: newKey(),
});

export type Controller = EntryBody<"controller">;
export function controller(of: Signer, change: Partial<Controller> = {}): Controller {
  return {
    public_key: toBase64Url(of.publicKey),
    link_key: newKey(),
    name: "laptop",
    kind: "laptop",
    platform: "darwin-arm64",
    scopes: ["admin", "command"],
    since: NOW,
    until: null,
    named: false,
    ...change,
  };
}

export const browserRights: Partial<Controller> = {
  kind: "browser",
  scopes: ["command"],
  named: true,
  until: NOW + 30 * DAY_MS,
};

export type Member = EntryBody<"member">;
export function member(of: Signer, change: Partial<Member> = {}): Member {
  return {
    public_key: toBase64Url(of.publicKey),
    link_key: newKey(),
    name: "pi",
    kind: "raspberry_pi",
    platform: "linux-arm64",
    ssh_host_keys: ["ssh-ed25519 AAAA"],
    claim: null,
    ...change,
  };
}

/** An entry at the end of the log with whatever kind and body, properly signed. */
export async function forge(
  log: Pick<OwnerLog, "id" | "length" | "head">,
  entry: { kind: string; body: string; signer: Signer },
): Promise<OwnerLogEntry> {
  const { kind, body, signer } = entry;
  const fields = { log: log.id, number: log.length, previous: log.head.hash, kind, by: signer.publicKey };
  const signature = await signer.sign(signedBytes("log", { ...fields, body: utf8(body) }));
  return {
    log: toBase64Url(fields.log),
    number: fields.number,
    previous: toBase64Url(fields.previous),
    kind,
    body,
    by: toBase64Url(fields.by),
    signature: toBase64Url(signature),
  };
}

/** The reason why the log refuses such an entry, or "none". */
export async function whyNot(
  log: OwnerLog,
  kind: string,
  entry: { body: JsonValue; signer: Signer },
): Promise<string> {
  const forged = await forge(log, { kind, body: canonicalJson(entry.body), signer: entry.signer });
  return refusal(() => extendLog(crypto, log, [forged]));
}

export const invited = await makeInvite(crypto, {
  log: begun,
  hubKey: HUB_KEY,
  names: ["pi"],
  expiresAtMs: NOW + DAY_MS,
  signer: home,
});
export const pi = newSigner();
export const piDevice = {
  signer: pi,
  linkKey: crypto.randomBytes(32),
  name: "pi-2",
  kind: "raspberry_pi",
  platform: "linux-arm64",
  sshHostKeys: ["ssh-ed25519 AAAA"],
} as const;
export const claimed = await makeClaim(crypto, {
  token: invited.token,
  log: invited.log,
  hubKey: HUB_KEY,
  device: piDevice,
});
export const withBrowser = await appendEntry(crypto, claimed.log, {
  kind: "controller",
  body: controller(phone, { ...browserRights, name: "phone" }),
  signer: home,
});
export const full = await appendEntry(crypto, withBrowser, {
  kind: "controller",
  body: controller(laptop),
  signer: home,
});
