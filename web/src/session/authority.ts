// What this browser may order, by the owner log alone: the hub's word is not asked. The log also names the
// machine that runs the hub, which is the one that began it.
import type { OwnerLog } from "../../../src/identity/owner-log.ts";
import { toBase64Url } from "../../../src/protocol/bytes.ts";
import { deviceIdOf } from "../../../src/protocol/ids.ts";
import type { Crypto } from "../../../src/identity/crypto.ts";

export interface Authority {
  /** Id of the owner log, base64url; null while no log is known. */
  ownerRoot: string | null;
  /** The machine whose agent takes this page's commands: the one that runs the hub, or that serves the page. */
  hubDevice: { id: string; key: Uint8Array; name: string } | null;
  /** `ended`: this key was a controller and its time is over. */
  command: "may" | "ended" | "never" | "unknown";
  /** When commanding ends, milliseconds since the epoch; null is never. */
  untilMs: number | null;
  /** No machine may write the log: what takes the scope admin takes the owner's written words. */
  keptByWords: boolean;
  /** A browser began the log, whoever writes it now: what is shared with machines alone is not for it. */
  begunInBrowser: boolean;
}

export const NO_AUTHORITY: Authority = {
  ownerRoot: null,
  hubDevice: null,
  command: "unknown",
  untilMs: null,
  keptByWords: false,
  begunInBrowser: false,
};

/** `servedBy`: the device whose own agent serves this page, and takes its orders as its person's. */
export function readAuthority(
  log: OwnerLog,
  ownKey: Uint8Array,
  at: { crypto: Crypto; nowMs: number; servedBy: Authority["hubDevice"] },
): Authority {
  if (at.servedBy !== null) {
    const ownerRoot = toBase64Url(log.id);
    return {
      ownerRoot,
      hubDevice: at.servedBy,
      command: "may",
      untilMs: null,
      keptByWords: false,
      begunInBrowser: log.isBegunInBrowser,
    };
  }
  const beginner = log.participants().find(({ entry, kind }) => entry === 0 && kind !== "browser");
  const own = log.participant(ownKey);
  const was = own?.controller?.scopes.includes("command") === true;
  return {
    ownerRoot: toBase64Url(log.id),
    hubDevice:
      beginner === undefined
        ? null
        : {
            id: deviceIdOf(at.crypto.sha256(beginner.publicKey)),
            key: beginner.publicKey,
            name: beginner.name,
          },
    command: log.mayCommand(ownKey, at.nowMs) ? "may" : was ? "ended" : "never",
    untilMs: own?.controller?.untilMs ?? null,
    keptByWords: log.isKeptByWords,
    begunInBrowser: log.isBegunInBrowser,
  };
}
