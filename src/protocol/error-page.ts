// What a visitor reads when a request fails on its way: what happened, which hop it broke at, what to do, and
// the request id to quote. As a page for people, as JSON for programs. Hub and device use the same one.

import { escapeHtml, plainPage } from "./plain-page.ts";
import type { ErrorCode } from "./errors.ts";

/** The stations of a request for something shared, in its order; and of one for a service. */
const SHARE_HOPS = ["hub", "device", "share", "app"] as const;
const SERVICE_HOPS = ["hub", "device", "service"] as const;
export type Hop = (typeof SHARE_HOPS)[number] | (typeof SERVICE_HOPS)[number];

export interface Problem {
  status: number;
  code: ErrorCode;
  /** A few words, no full stop. */
  title: string;
  /** One or two sentences. */
  message: string;
  /** What to do next. */
  hint?: string;
  /** Where it broke; those before it did their part. */
  hop: Hop;
  /** It was on its way to a service. */
  service?: true;
  requestId: string;
}

export function problemPage(problem: Problem): string {
  const hint = problem.hint === undefined ? "" : `<p>${escapeHtml(problem.hint)}</p>\n`;
  return plainPage({
    title: problem.title,
    body: `<h1>${escapeHtml(problem.title)}</h1>
<p>${escapeHtml(problem.message)}</p>
${hint}${path(problem)}
<p class="quiet">Error ${problem.status}, request <code>${escapeHtml(problem.requestId)}</code></p>`,
  });
}

export function problemJson(problem: Problem): string {
  const { code, message, hint, hop, requestId } = problem;
  const error = { code, message, ...(hint === undefined ? {} : { hint }), hop, request_id: requestId };
  return `${JSON.stringify({ error })}\n`;
}

/** Programs get JSON, people the page: whoever names HTML, or names nothing in particular, gets the page. */
export function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const wanted = accept.toLowerCase();
  if (wanted.includes("text/html")) return false;
  return wanted.includes("application/json") || wanted.includes("+json");
}

/** Of a request that only a program makes: JSON, unless it names HTML itself. */
export function programPrefersJson(accept: string | undefined): boolean {
  return accept?.toLowerCase().includes("text/html") !== true;
}

function path({ hop, status, service }: Problem): string {
  const hops: readonly Hop[] = service === true ? SERVICE_HOPS : SHARE_HOPS;
  const at = hops.indexOf(hop);
  // A refusal is no fault.
  const what = status >= 500 ? "it broke here" : "it ended here";
  const items = ["you", ...hops].map((name, index) => {
    if (index === at + 1) return `<li class="broken">${name}: ${what}</li>`;
    return index <= at ? `<li>${name}</li>` : `<li class="unasked">${name}</li>`;
  });
  return `<ol class="path">${items.join("")}</ol>`;
}
