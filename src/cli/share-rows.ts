// A share as one line, and its proof in words: "live 41 ms, 3 s ago".

import type { ProofView, ShareView } from "../protocol/views.ts";
import { ago } from "./durations.ts";
import type { Cell } from "./table.ts";
import type { Style } from "./terminal.ts";

const ID_SHOWN = 8;

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

/** The row of `status`: id, [kind], [state], URL, access, proof. Shortened in this order: proof, URL. */
export function statusRow(share: ShareView, now: number): Cell[] {
  return [
    { text: shortId(share), style: "bold" },
    { text: `[${share.kind}]` },
    { text: `[${share.state}]`, style: STATE_STYLES[share.state] },
    urlCell(share),
    { text: share.access },
    proofCell(share, now),
  ];
}

export const STATUS_SHORTEN = [5, 3] as const;

/** The row of `ls`. */
export function listRow(share: ShareView, now: number): Cell[] {
  return [
    { text: shortId(share) },
    { text: share.name, style: "bold" },
    { text: share.kind },
    { text: share.state, style: STATE_STYLES[share.state] },
    urlCell(share),
    { text: share.access },
    { text: share.device_name },
    proofCell(share, now),
  ];
}

export const LIST_HEADINGS = ["ID", "NAME", "KIND", "STATE", "URL", "ACCESS", "DEVICE", "PROOF"] as const;
export const LIST_SHORTEN = [7, 4] as const;

/** What to call a share in a sentence. */
export function shareLabel(share: ShareView): string {
  return share.name === "" ? shortId(share) : share.name;
}

/** "app_refused" → "app refused". */
export function reasonWords(reason: string): string {
  return reason.replaceAll("_", " ");
}

function shortId(share: ShareView): string {
  return share.id.slice(0, ID_SHOWN);
}

function urlCell(share: ShareView): Cell {
  const text = share.url === "" ? "-" : share.url.replace(/\/$/, "");
  return { text, short: text.replace(/^https?:\/\//, "") };
}

function proofCell({ proof }: ShareView, now: number): Cell {
  const style = PROOF_STYLES[proof.state];
  if (proof.checked_at === null) return { text: `${proof.state}, never checked`, short: proof.state, style };
  const latency = proof.latency_ms === null ? "" : ` ${Math.round(proof.latency_ms)} ms`;
  const reason = proof.reason === null ? "" : ` (${reasonWords(proof.reason)})`;
  const age = ago(proof.checked_at, now);
  return {
    text: `${proof.state}${latency}, ${age}${reason}`,
    short: `${proof.state}${latency}, ${age.replace(/ ago$/, "")}`,
    style,
  };
}
