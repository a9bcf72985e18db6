// The first line of `status`: whether all is well, or exactly what is not, the worst first.

import { ago, shortDuration } from "./durations.ts";
import type { Overview } from "./overview.ts";
import { reasonWords, shareLabel } from "./share-rows.ts";
import type { DeviceView, ShareView } from "../protocol/views.ts";

export interface Summary {
  /** `unsure`: nothing is broken, but not everything is proven. */
  mood: "well" | "unsure" | "unwell";
  /** At least one; the first is the headline. */
  lines: string[];
}

const NOT_RUNNING = "Not running. Start it: muster start";

/** More names than this in one sentence help nobody; the rows below have them all. */
const NAMED_AT_MOST = 3;

export function summarize(overview: Overview, now: number): Summary {
  if (overview.hub.state === "stopped") {
    const { reason } = overview.hub;
    if (reason !== null) return { mood: "unwell", lines: [`Not well: ${reason}.`] };
    return { mood: "unsure", lines: [NOT_RUNNING] };
  }
  const machines = (overview.devices ?? []).filter(
    (device) => device.kind !== "browser" && device.status !== "revoked",
  );
  const broken = [
    ...hubProblem(overview, now),
    ...brokenShares(overview.shares),
    ...deviceProblems(machines, now),
  ];
  // While the hub is away nothing can be proven, and that is the hub's line to say.
  const unproven = overview.hub.state === "connected" ? unprovenShares(overview.shares) : [];
  if (broken.length > 0) return { mood: "unwell", lines: [...broken, ...unproven] };
  if (unproven.length > 0) return { mood: "unsure", lines: unproven };
  return { mood: "well", lines: [wellLine(overview.shares, machines)] };
}

function wellLine(shares: readonly ShareView[], machines: readonly DeviceView[]): string {
  const live = shares.filter((share) => share.proof.state === "live");
  const stopped = shares.length - live.length;
  const where = new Set(live.map((share) => share.device_id)).size;
  if (live.length === 0) {
    const online = machines.filter((device) => device.status === "online").length;
    const devices = machines.length === 0 ? "" : `, ${count(online, "device")} online`;
    return stopped === 0
      ? `All is well: nothing is shared yet${devices}.`
      : `All is well: ${count(stopped, "share")} stopped${devices}.`;
  }
  const also = stopped === 0 ? "" : `, ${stopped} stopped`;
  return `All is well: ${count(live.length, "share")} live on ${count(where, "device")}${also}.`;
}

function hubProblem({ hub }: Overview, now: number): string[] {
  if (hub.state === "connected" || hub.state === "stopped") return [];
  const lasting = hub.since === null ? "" : ` for ${shortDuration(now - Date.parse(hub.since))}`;
  const reason = hub.reason === null ? "" : ` (${reasonWords(hub.reason)})`;
  return hub.state === "refused"
    ? [`Refused by the hub ${hub.url ?? ""}${reason}.`]
    : [`The hub is out of reach: ${hub.url ?? ""}${lasting}${reason}. The agent keeps trying.`];
}

function brokenShares(shares: readonly ShareView[]): string[] {
  return [
    ...sentenceFor(shares, "crashed", (share) => share.state === "crashed"),
    ...sentenceFor(shares, "dead", (share) => isWanted(share) && share.proof.state === "dead"),
  ];
}

function unprovenShares(shares: readonly ShareView[]): string[] {
  return [
    ...sentenceFor(shares, "degraded", (share) => isWanted(share) && share.proof.state === "degraded"),
    ...sentenceFor(shares, "not proven yet", (share) => isWanted(share) && share.proof.state === "unknown"),
  ];
}

/** Stopped is what its owner wished, and a crash is said already. */
function isWanted(share: ShareView): boolean {
  return share.state !== "stopped" && share.state !== "crashed";
}

function sentenceFor(
  shares: readonly ShareView[],
  state: string,
  matches: (share: ShareView) => boolean,
): string[] {
  const matching = shares.filter(matches);
  return matching.length === 0 ? [] : [sharesSentence(matching, { state, total: shares.length })];
}

function sharesSentence(
  matching: readonly ShareView[],
  { state, total }: { state: string; total: number },
): string {
  const named = matching.map((share) => {
    const reason = share.proof.reason === null ? "" : ` (${reasonWords(share.proof.reason)})`;
    return `${shareLabel(share)}${reason}`;
  });
  return `${counted(matching.length, total, "share")} ${state}: ${listed(named)}.`;
}

function deviceProblems(machines: readonly DeviceView[], now: number): string[] {
  return (["offline", "stale"] as const).flatMap((status) => {
    const away = machines.filter((device) => device.status === status);
    if (away.length === 0) return [];
    const named = away.map((device) => {
      return device.last_seen === null
        ? device.name
        : `${device.name} (last seen ${ago(device.last_seen, now)})`;
    });
    return [`${counted(away.length, machines.length, "device")} ${status}: ${listed(named)}.`];
  });
}

/** "1 of 3 shares is", "2 of 3 shares are", "The only share is". */
function counted(matching: number, total: number, noun: string): string {
  if (total === 1) return `The only ${noun} is`;
  return `${matching} of ${total} ${noun}s ${matching === 1 ? "is" : "are"}`;
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMED_AT_MOST;
  return more > 0 ? `${names.slice(0, NAMED_AT_MOST).join(", ")} and ${more} more` : names.join(", ");
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
