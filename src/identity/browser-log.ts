// An owner log that a browser begins, and what lets further browsers command by it. A browser never has the scope
// admin: what only that scope may write is signed by the written words, which no machine keeps.
import { toBase64Url } from "../protocol/bytes.ts";
import { BROWSER_CONTROLLER_DAYS } from "../protocol/limits.ts";
import { isHostName, nameFromFolder } from "../protocol/names.ts";
import { MusterError } from "../protocol/errors.ts";
import type { EntryBody, OwnerLogEntry } from "../protocol/owner-log.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { sshHostKeysHash } from "./owner-log-rules.ts";
import { appendEntry, beginLog, type OwnerLog } from "./owner-log.ts";
import { makeRecovery, recoverySigner } from "./recovery-words.ts";
import type { Secret } from "./secret.ts";

const DAY_MS = 86_400_000;
/** What a browser runs on says its name, where it says anything. */
const PLATFORM = "browser";

export interface JoiningBrowser {
  publicKey: Uint8Array;
  linkKey: Uint8Array;
  /** As it calls itself: "Firefox on Linux". */
  name: string;
}

/** A log of one entry, and the words that are to be shown once. */
export async function beginBrowserLog(
  crypto: Crypto,
  { signer, linkKey, name, nowMs }: { signer: Signer; linkKey: Uint8Array; name: string; nowMs: number },
): Promise<{ log: OwnerLog; words: Secret<readonly string[]> }> {
  const { words, signer: keeper } = makeRecovery(crypto);
  const log = await beginLog(crypto, signer, {
    name: browserDeviceName(name),
    kind: "browser",
    platform: PLATFORM,
    link_key: toBase64Url(linkKey),
    browser: { ...commandingTime(nowMs), recovery: toBase64Url(keeper.publicKey) },
  });
  return { log, words };
}

/** Lets a browser command by the words of a log. Throws `invalid` for words that are none, `owner_log_invalid` for others'. */
export async function admitBrowserByWords(
  crypto: Crypto,
  log: OwnerLog,
  { browser, words, nowMs }: { browser: JoiningBrowser; words: string; nowMs: number },
): Promise<OwnerLogEntry> {
  const known = log.participant(browser.publicKey);
  const longer = await appendEntry(crypto, log, {
    kind: "controller",
    body: {
      public_key: toBase64Url(browser.publicKey),
      link_key: toBase64Url(browser.linkKey),
      name: known?.name ?? browserDeviceName(browser.name),
      kind: "browser",
      platform: PLATFORM,
      scopes: ["command"],
      ...commandingTime(nowMs),
      named: true,
    },
    signer: recoverySigner(crypto, words),
  });
  return lastEntry(longer);
}

/** Makes a machine of the log its keeper, as the home of any other owner is: it may write the log, and the words no more. */
export async function trustMachineByWords(
  crypto: Crypto,
  log: OwnerLog,
  { publicKey, words, nowMs }: { publicKey: Uint8Array; words: string; nowMs: number },
): Promise<OwnerLogEntry> {
  const known = log.participant(publicKey);
  if (known === undefined) throw new MusterError("not_found", "that machine is not in the owner log");
  const { linkKey, name, kind, platform } = known;
  const body: EntryBody<"controller"> = {
    public_key: toBase64Url(publicKey),
    link_key: toBase64Url(linkKey),
    name,
    kind,
    platform,
    scopes: ["admin", "command"],
    since: nowMs,
    until: null,
    // Whoever types the words has named the very machine.
    named: true,
  };
  const signer = recoverySigner(crypto, words);
  return lastEntry(await appendEntry(crypto, log, { kind: "controller", body, signer }));
}

/**
 * What the browser that began `log` signs when it claims with `offer` at a hub. It stands in no log, so that it proves
 * to the hub alone, now and in a second try, that this very browser asks.
 */
export function browserClaimBytes(
  crypto: Pick<Crypto, "sha256">,
  log: OwnerLog,
  { offer, hubKey }: { offer: number; hubKey: Uint8Array },
): Uint8Array | undefined {
  const own = log.participants().find(({ entry }) => entry === 0);
  if (own?.kind !== "browser") return undefined;
  const { publicKey, linkKey, name, kind, platform } = own;
  const sshHostKeys = sshHostKeysHash(crypto, []);
  return signedBytes("claim", {
    logId: log.id,
    invite: offer,
    publicKey,
    linkKey,
    sshHostKeysHash: sshHostKeys,
    name,
    kind,
    platform,
    hubKey,
  });
}

/** "Firefox on Linux" as a name that an owner log takes. */
export function browserDeviceName(text: string): string {
  const name = nameFromFolder(text) ?? "browser";
  return isHostName(name) ? name : "browser";
}

function commandingTime(nowMs: number): { since: number; until: number } {
  return { since: nowMs, until: nowMs + BROWSER_CONTROLLER_DAYS * DAY_MS };
}

function lastEntry(log: OwnerLog): OwnerLogEntry {
  const entry = log.entries.at(-1);
  if (entry === undefined) throw new RangeError("an owner log is never empty");
  return entry;
}
