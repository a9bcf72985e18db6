// A share as one line, and its proof in words: "live 41 ms, 3 s ago".

import type { ProofView, ShareView } from "../protocol/views.ts";
import { ago } from "./durations.ts";
import type { Cell } from "./table.ts";
import type { Style } from "./terminal.ts";

/** As many characters of an id as tell it from the others listed, and at least these. */
const ID_SHOWN_MIN = 4;

export const PROOF_STYLES = {
  live: "green",
  degraded: "yellow",
  dead: "red",
  unknown: "dim",
} as const satisfies Record<ProofView["state"], Style>;

const STATE_STYLES = {
  running: "green",
  stopped: "dim",
  crashed: "red",
  waiting: "yellow",
} as const satisfies Record<ShareView["state"], Style>;

export interface ShareRowOptions {
  /** Milliseconds since the epoch. */
  now: number;
  /** The ids of all shares that are listed. */
  ids: readonly string[];
}

/** The row of `status`: id, [kind], [state], URL, access, proof. */
export function statusRow(share: ShareView, { now, ids }: ShareRowOptions): Cell[] {
  return [
    { text: shortId(share.id, ids), style: "bold" },
    { text: `[${share.kind}]` },
    { text: `[${share.state}]`, style: STATE_STYLES[share.state] },
    urlCell(share),
    { text: share.access },
    proofCell(share, now),
  ];
}

/** First the proof, then the URL. */
export const STATUS_SHORTEN = [5, 3] as const;

/** The row of `ls`. The device stands last: where room is short it is what may go. */
export function listRow(share: ShareView, { now, ids }: ShareRowOptions): Cell[] {
  return [
    { text: share.name, style: "bold" },
    { text: share.kind },
    { text: share.state, style: STATE_STYLES[share.state] },
    urlCell(share),
    { text: share.access },
    proofCell(share, now),
    { text: shortId(share.id, ids), short: "" },
    { text: share.device_name },
  ];
}

export const LIST_HEADINGS = ["NAME", "KIND", "STATE", "URL", "ACCESS", "PROOF", "ID", "DEVICE"] as const;
export const LIST_SHORTEN = [5, 6, 3] as const;

/** What to call a share in a sentence. */
export function shareLabel(share: ShareView): string {
  return share.name === "" ? share.id : share.name;
}

/** "app_refused" → "app refused". */
export function reasonWords(reason: string): string {
  return reason.replaceAll("_", " ");
}

/** The shortest beginning that no other id has: what `muster rm` takes. */
function shortId(id: string, ids: readonly string[]): string {
  let length = ID_SHOWN_MIN;
  while (length < id.length && ids.some((other) => other !== id && other.startsWith(id.slice(0, length))))
    length += 1;
  return id.slice(0, length);
}

function urlCell(share: ShareView): Cell {
  const text = share.url === "" ? "-" : share.url.replace(/\/$/, "");
  return { text, short: text.replace(/^https?:\/\//, "") };
}

function proofCell({ proof }: ShareView, now: number): Cell {
  const style = PROOF_STYLES[proof.state];
  if (proof.checked_at === null)
    return { text: `${proof.state}, not checked yet`, short: proof.state, style };
  const latency =
    proof.latency_ms === null || proof.state === "dead" ? "" : ` ${Math.round(proof.latency_ms)} ms`;
  const reason = proof.reason === null ? "" : ` (${reasonWords(proof.reason)})`;
  const age = ago(proof.checked_at, now);
  return {
    text: `${proof.state}${latency}, ${age}${reason}`,
    short: `${proof.state}${latency}, ${age.replace(/ ago$/, "")}`,
    style,
  };
}
