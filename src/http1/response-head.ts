// Reads one response head of an app, as strictly as a request's: an app behind us may be hostile to the
// visitors of another one, and the same ambiguities split responses as smuggle requests.

import type { Field } from "./field.ts";
import { readFieldSection } from "./field-section.ts";
import { CHUNKED, lengthFraming, NO_BODY, UNTIL_CLOSE } from "./framing.ts";
import type { ResponseFraming } from "./framing.ts";
import { refusal } from "./refusal.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";
import { MORE_NEEDED } from "./request-head.ts";
import type { HttpVersion, MoreNeeded } from "./request-head.ts";
import { HeadCursor, latin1, scanHead } from "./scan-head.ts";

/** What must be known of the request to read its response. */
export interface AskedFor {
  readonly method: string;
  readonly version: HttpVersion;
  /** Set when the request asked to change protocols. */
  readonly upgrade: string | undefined;
}

export interface ResponseHead {
  readonly kind: "response";
  readonly version: HttpVersion;
  readonly status: number;
  /** May be empty. */
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly framing: ResponseFraming;
  /** Whether the app keeps the connection open after this response. */
  readonly keepAlive: boolean;
  /** The protocol of a 101. */
  readonly upgrade: string | undefined;
  /** 1xx but 101: another head follows. */
  readonly interim: boolean;
  readonly connectionNames: readonly string[];
  readonly headBytes: number;
}

/** As `parseRequestHead`. The status of a refusal means nothing here: the visitor gets a 502. */
export function parseResponseHead(
  bytes: Uint8Array,
  asked: AskedFor,
  cursor: HeadCursor = new HeadCursor(),
): ResponseHead | MoreNeeded | Refusal {
  const end = scanHead(bytes, cursor);
  if (end === 0) return MORE_NEEDED;
  if (typeof end === "string") return refusal(end);
  const parsed = readResponse(latin1(bytes, 0, end), asked);
  return typeof parsed === "string" ? refusal(parsed) : parsed;
}

function readResponse(text: string, asked: AskedFor): ResponseHead | RefusalReason {
  const lineEnd = text.indexOf("\r\n");
  const version = readVersion(text);
  const status = readStatus(text, lineEnd);
  if (version === undefined || status === 0) return "bad_status_line";
  // HTTP/1.0 knows no interim responses.
  if (status < 200 && (version === "1.0" || asked.version === "1.0")) return "bad_status_line";
  const section = readFieldSection(text, lineEnd + 2);
  if (typeof section === "string") return section;
  if (section.chunked && (version === "1.0" || asked.version === "1.0")) {
    return "transfer_encoding_on_http10";
  }
  const switching = status === 101;
  if (switching && (asked.upgrade === undefined || section.upgrade === undefined)) return "bad_upgrade";
  const framing = framingOf(status, asked.method, section);
  return {
    kind: "response",
    version,
    status,
    reason: lineEnd > 13 ? text.substring(13, lineEnd) : "",
    fields: section.fields,
    framing,
    keepAlive:
      !section.close && framing !== UNTIL_CLOSE && !switching && (version === "1.1" || section.keepAlive),
    upgrade: switching ? section.upgrade : undefined,
    interim: status < 200 && !switching,
    connectionNames: section.connectionNames,
    headBytes: text.length,
  };
}

function readVersion(text: string): HttpVersion | undefined {
  if (text.startsWith("HTTP/1.1 ")) return "1.1";
  return text.startsWith("HTTP/1.0 ") ? "1.0" : undefined;
}

// "HTTP/1.1 200 OK". The blank after the status may be missing when there is no reason: small servers
// forget it, and since the line is written anew nobody downstream can be misled.
function readStatus(text: string, lineEnd: number): number {
  if (lineEnd < 12 || (lineEnd > 12 && text.charCodeAt(12) !== 0x20)) return 0;
  let status = 0;
  for (let index = 9; index < 12; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status >= 100 ? status : 0;
}

/** RFC 9112, 6.3. */
function framingOf(
  status: number,
  method: string,
  section: { chunked: boolean; contentLength: number },
): ResponseFraming {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return NO_BODY;
  if (section.chunked) return CHUNKED;
  return section.contentLength >= 0 ? lengthFraming(section.contentLength) : UNTIL_CLOSE;
}
