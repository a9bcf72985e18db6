// What state is shown for a device or share: one of four, each with its own shape, and the word beside it.
//
// A proof that is too old proves nothing any more, so its "live" is not repeated; `asOfMs` is the moment the
// picture was true (now while the hub is connected, the last word from it otherwise).
import type { DeviceView, ShareView } from "../../../src/protocol/views.ts";
import type { ServiceView } from "../../../src/protocol/services.ts";
import { span } from "../format/time.ts";

export type Mark = "live" | "degraded" | "dead" | "unknown";

export interface ShownState {
  mark: Mark;
  word: string;
  /** Why, in a few words, where the word alone does not say it. */
  reason: string | null;
}

/** Three missed proofs (one every 5 s, each may take 5 s) are past any hiccup of a prober that still works. */
const PROOF_OLD_MS = 20_000;

export function shownShare(share: ShareView, asOfMs: number): ShownState {
  switch (share.state) {
    case "stopped":
      return { mark: "unknown", word: "stopped", reason: null };
    case "waiting":
      return {
        mark: waitsInVain(share) ? "degraded" : "unknown",
        word: "waiting",
        reason: share.proof.reason,
      };
    case "crashed":
      return { mark: "dead", word: "crashed", reason: share.proof.reason };
    case "running":
      return shownProof(share, asOfMs);
  }
}

/** A proof already found nobody behind the address: more than an app that has just begun to start. */
function waitsInVain({ proof }: ShareView): boolean {
  return proof.state === "degraded" || proof.state === "dead";
}

function shownProof({ proof }: ShareView, asOfMs: number): ShownState {
  if (proof.state === "unknown" || proof.checked_at === null) {
    return { mark: "unknown", word: "unknown", reason: proof.reason ?? "not tried yet" };
  }
  const ageMs = asOfMs - Date.parse(proof.checked_at);
  if (ageMs > PROOF_OLD_MS && proof.state !== "dead") {
    return {
      mark: "unknown",
      word: "unknown",
      reason: `was ${proof.state} ${span(ageMs)} ago, no proof since`,
    };
  }
  return { mark: proof.state, word: proof.state, reason: proof.state === "live" ? null : proof.reason };
}

/** As its device last asked it; of a device that is away nobody knows. */
export function shownService(
  { state, reason }: Pick<ServiceView, "state" | "reason">,
  device: DeviceView["status"],
): ShownState {
  if (device !== "online") return { mark: "unknown", word: "unknown", reason: `device is ${device}` };
  switch (state) {
    case "up":
      return { mark: "live", word: "up", reason: null };
    case "down":
      return { mark: "dead", word: "down", reason: reason ?? "it does not answer" };
    case "unknown":
      return { mark: "unknown", word: "unknown", reason: "not asked yet" };
  }
}

/** A device takes back what it can't do at the moment, so what is listed is there while the device is. */
export function shownCapability(device: DeviceView["status"]): ShownState {
  if (device === "online") return { mark: "live", word: "offered", reason: null };
  return { mark: "unknown", word: "unknown", reason: `device is ${device}` };
}

export function shownDevice(device: DeviceView): ShownState {
  switch (device.status) {
    case "online":
      return { mark: "live", word: "online", reason: null };
    case "offline":
      return { mark: "dead", word: "offline", reason: null };
    case "stale":
      return { mark: "dead", word: "stale", reason: "away for more than 30 days" };
    case "pending":
      return { mark: "unknown", word: "pending", reason: "has not connected yet" };
    case "revoked":
      return { mark: "dead", word: "revoked", reason: "its key may no longer connect" };
  }
}
