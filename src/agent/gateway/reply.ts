// A reply that the gateway gives itself: a page's file, a form, a refusal. It says nothing of framing,
// which follows from its body when it is sent.

import { field } from "../../http1/field.ts";
import type { Field } from "../../http1/field.ts";
import { ERROR_TABLE, type ErrorCode } from "../../protocol/errors.ts";
import { prefersJson, problemJson, problemPage, type Hop } from "../../protocol/error-page.ts";
import { PLAIN_PAGE_CSP } from "../../protocol/plain-page.ts";

export interface Reply {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: ReplyBody;
}

export type ReplyBody =
  | { readonly kind: "none" }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | StreamedBody;

export interface StreamedBody {
  readonly kind: "stream";
  /** Bytes; undefined when it is known only at the end. */
  readonly length: number | undefined;
  /** Called at most once, and not at all for HEAD. A throw means the visitor must see a broken answer. */
  open(): AsyncIterable<Uint8Array>;
  /** Always called in the end. */
  release(): Promise<void>;
}

export const NO_STORE = field("Cache-Control", "no-store");
export const NO_SNIFF = field("X-Content-Type-Options", "nosniff");
const HTML = field("Content-Type", "text/html; charset=utf-8");
const JSON_TYPE = field("Content-Type", "application/json");
const POLICY = field("Content-Security-Policy", PLAIN_PAGE_CSP);
// Our forms are posted to their own host, which must see where they came from.
const REFERRER = field("Referrer-Policy", "same-origin");

const encoder = new TextEncoder();

/** A page of ours: never stored, no scripts. `extra` comes last. */
export function pageReply(status: number, html: string, extra: readonly Field[] = []): Reply {
  const fields = [HTML, NO_STORE, POLICY, NO_SNIFF, REFERRER, ...extra];
  return { status, fields, body: { kind: "bytes", bytes: encoder.encode(html) } };
}

export function jsonReply(status: number, json: string, extra: readonly Field[] = []): Reply {
  const fields = [JSON_TYPE, NO_STORE, NO_SNIFF, ...extra];
  return { status, fields, body: { kind: "bytes", bytes: encoder.encode(json) } };
}

export function redirectReply(
  status: 302 | 303 | 308,
  location: string,
  extra: readonly Field[] = [],
): Reply {
  return { status, fields: [field("Location", location), NO_STORE, ...extra], body: { kind: "none" } };
}

export interface ProblemToTell {
  code: ErrorCode;
  /** Where the table's status for the code is not the right one. */
  status?: number;
  title: string;
  message: string;
  hint?: string;
  hop: Hop;
  service?: true;
}

export interface Asker {
  requestId: string;
  /** The request's `Accept`. */
  accept: string | undefined;
}

/** A refusal in the asker's language: a page for people, JSON for programs. */
export function problemReply(problem: ProblemToTell, asker: Asker, extra: readonly Field[] = []): Reply {
  const status = problem.status ?? ERROR_TABLE[problem.code].status;
  const whole = { ...problem, status, requestId: asker.requestId };
  return prefersJson(asker.accept)
    ? jsonReply(status, problemJson(whole), extra)
    : pageReply(status, problemPage(whole), extra);
}
