// Reads one request head, strictly: what RFC 9112 forbids or leaves to the reader's mercy is refused, not
// repaired, because two readers who repair differently are how requests get smuggled.

import { isToken } from "./field.ts";
import type { Field } from "./field.ts";
import { readFieldSection, trimmed } from "./field-section.ts";
import type { FieldSection } from "./field-section.ts";
import { CHUNKED, lengthFraming, NO_BODY } from "./framing.ts";
import type { RequestFraming } from "./framing.ts";
import { isHost } from "./host.ts";
import { refusal } from "./refusal.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";
import { HeadCursor, latin1, scanHead } from "./scan-head.ts";

export type HttpVersion = "1.0" | "1.1";

export interface RequestHead {
  readonly kind: "request";
  readonly method: string;
  /** Origin form, exactly as sent: begins with "/", holds neither blanks nor a fragment. */
  readonly target: string;
  readonly version: HttpVersion;
  /** In their order, repeated ones kept. */
  readonly fields: readonly Field[];
  /** The Host field, valid and as sent; `splitHost` takes it apart. */
  readonly host: string;
  readonly framing: RequestFraming;
  /** Whether the visitor lets the connection stay open after this exchange. */
  readonly keepAlive: boolean;
  /** The protocols asked for, when the request may be upgraded at all. Never h2c. */
  readonly upgrade: string | undefined;
  readonly expectContinue: boolean;
  /** Names in `Connection` other than its own options, lower case. */
  readonly connectionNames: readonly string[];
  /** Bytes the head took, from the first one handed in. */
  readonly headBytes: number;
}

/** The head is not complete yet. */
export interface MoreNeeded {
  readonly kind: "more";
}

export const MORE_NEEDED: MoreNeeded = { kind: "more" };

/**
 * Reads the head at the start of `bytes`. When the answer is "more", call again with all bytes so far and
 * the same cursor. The verdict is the same however the bytes were cut.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  cursor: HeadCursor = new HeadCursor(),
): RequestHead | MoreNeeded | Refusal {
  const end = scanHead(bytes, cursor);
  if (end === 0) return MORE_NEEDED;
  if (typeof end === "string") return refusal(end);
  // One empty line before a request is skipped, as RFC 9112 (2.2) asks of servers: some clients send one
  // after a body. A second one is refused, because nobody honest sends it.
  const start = bytes[0] === 0x0d ? 2 : 0;
  const parsed = readRequest(latin1(bytes, start, end), end);
  return typeof parsed === "string" ? refusal(parsed) : parsed;
}

function readRequest(text: string, headBytes: number): RequestHead | RefusalReason {
  const lineEnd = text.indexOf("\r\n");
  const methodEnd = text.indexOf(" ");
  if (methodEnd <= 0 || methodEnd > lineEnd) return "bad_request_line";
  const targetEnd = text.indexOf(" ", methodEnd + 1);
  if (targetEnd < 0 || targetEnd > lineEnd) return "bad_request_line";

  const version = readVersion(text.substring(targetEnd + 1, lineEnd));
  if (version !== "1.1" && version !== "1.0") return version;
  const method = text.substring(0, methodEnd);
  if (!METHODS.has(method)) return whyNoMethod(method);
  const target = text.substring(methodEnd + 1, targetEnd);
  const badTarget = whyBadTarget(target);
  if (badTarget !== undefined) return badTarget;

  const section = readFieldSection(text, lineEnd + 2);
  if (typeof section === "string") return section;
  const { host } = section;
  if (host === undefined) return "host_missing";
  if (!isHost(host)) return "bad_host";
  if (section.chunked && version === "1.0") return "transfer_encoding_on_http10";

  const expects = version === "1.1" && section.expect !== undefined;
  if (expects && section.expect?.toLowerCase() !== "100-continue") return "expectation_unknown";
  const framing = section.chunked ? CHUNKED : lengthFraming(section.contentLength);
  return {
    kind: "request",
    method,
    target,
    version,
    fields: section.fields,
    host,
    framing,
    keepAlive: !section.close && (version === "1.1" || section.keepAlive),
    // With a body before the new protocol nobody agrees where the one ends and the other begins.
    upgrade: version === "1.1" && framing === NO_BODY ? wantedUpgrade(section) : undefined,
    expectContinue: expects,
    connectionNames: section.connectionNames,
    headBytes,
  };
}

// RFC 9110, PATCH (5789), QUERY, and WebDAV with its relatives (4918, 3253, 3648, 3744, 4791, 5323, 5842).
// prettier-ignore
const METHODS: ReadonlySet<string> = new Set([
  "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY",
  "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
  "VERSION-CONTROL", "REPORT", "CHECKOUT", "CHECKIN", "UNCHECKOUT", "MKWORKSPACE", "UPDATE", "LABEL",
  "MERGE", "BASELINE-CONTROL", "MKACTIVITY", "ORDERPATCH", "ACL", "MKCALENDAR", "SEARCH",
  "BIND", "UNBIND", "REBIND",
]);

/** What the `Allow` field of a 405 says. */
export const ALLOWED_METHODS = [...METHODS].join(", ");

function whyNoMethod(method: string): RefusalReason {
  if (!isToken(method)) return "bad_request_line";
  // A tunnel to anywhere, and an echo of credentials: no server of ours ever means either.
  return method === "CONNECT" || method === "TRACE" ? "method_refused" : "method_unknown";
}

function readVersion(text: string): HttpVersion | RefusalReason {
  if (text === "HTTP/1.1") return "1.1";
  if (text === "HTTP/1.0") return "1.0";
  return /^HTTP\/\d\.\d$/.test(text) ? "version_unknown" : "bad_request_line";
}

function whyBadTarget(target: string): RefusalReason | undefined {
  if (target.charCodeAt(0) !== 0x2f) {
    return target === "" ? "bad_request_line" : "target_not_origin_form";
  }
  for (let index = 1; index < target.length; index++) {
    const code = target.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return "bad_target";
  }
  return undefined;
}

/** What is left of `Upgrade` without h2c, which is served as HTTP/1.1. */
function wantedUpgrade(section: FieldSection): string | undefined {
  if (section.upgrade === undefined || !section.connectionUpgrade) return undefined;
  const wanted: string[] = [];
  for (const part of section.upgrade.split(",")) {
    const protocol = trimmed(part, 0, part.length);
    if (protocol !== "" && !/^h2c?(\/|$)/i.test(protocol)) wanted.push(protocol);
  }
  return wanted.length === 0 ? undefined : wanted.join(", ");
}
