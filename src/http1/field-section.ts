// The field lines of a head, the same for requests and responses: one strict reading into fields in their
// order, plus the few facts that framing and forwarding hang on.

import { HEAD_MAX_FIELDS } from "../protocol/limits.ts";
import { Field, isToken, lowerFieldName, wellKnownAt } from "./field.ts";
import type { RefusalReason } from "./refusal.ts";

export interface FieldSection {
  readonly fields: Field[];
  /** Of the one Host field. */
  host: string | undefined;
  /** -1 without a Content-Length. */
  contentLength: number;
  chunked: boolean;
  /** What `Connection` said. */
  close: boolean;
  keepAlive: boolean;
  connectionUpgrade: boolean;
  /** The other names in `Connection`, lower case: fields of this hop that are not passed on. */
  connectionNames: readonly string[];
  /** All `Upgrade` values, comma-separated. */
  upgrade: string | undefined;
  expect: string | undefined;
}

/** Reads from `from` to the end of `text`, which ends with the empty line and has passed `scanHead`. */
export function readFieldSection(text: string, from: number): FieldSection | RefusalReason {
  const section: FieldSection = {
    fields: [],
    host: undefined,
    contentLength: -1,
    chunked: false,
    close: false,
    keepAlive: false,
    connectionUpgrade: false,
    connectionNames: NO_NAMES,
    upgrade: undefined,
    expect: undefined,
  };
  const end = text.length - 2;
  for (let start = from; start < end;) {
    const lineEnd = text.indexOf("\r\n", start);
    if (section.fields.length === HEAD_MAX_FIELDS) return "too_many_fields";
    const first = text.charCodeAt(start);
    if (first === SPACE || first === TAB) return "obs_fold";
    const colon = text.indexOf(":", start);
    if (colon < 0 || colon >= lineEnd) return "bad_field";
    const known = wellKnownAt(text, start, colon);
    const name = known === undefined ? text.substring(start, colon) : known.name;
    const lower = known === undefined ? lowerFieldName(name) : known.lower;
    if (lower === undefined) return whyBadName(name);
    const value = trimmed(text, colon + 1, lineEnd);
    const isPlain = text.charCodeAt(colon + 1) === SPACE && value.length === lineEnd - colon - 2;
    section.fields.push(
      // What stands between the blanks is the value, so the line is what would be written.
      isPlain
        ? new Field(name, lower, value, text.substring(start, lineEnd + 2))
        : new Field(name, lower, value),
    );
    const reason = note(section, lower, value);
    if (reason !== undefined) return reason;
    start = lineEnd + 2;
  }
  if (section.chunked && section.contentLength >= 0) return "conflicting_framing";
  return section;
}

const SPACE = 0x20;
const TAB = 0x09;
const NO_NAMES: readonly string[] = [];

function note(section: FieldSection, lower: string, value: string): RefusalReason | undefined {
  switch (lower) {
    case "host":
      if (section.host !== undefined) return "host_repeated";
      section.host = value;
      return undefined;
    case "content-length":
      return noteContentLength(section, value);
    case "transfer-encoding":
      // Names of codings know no case (RFC 9112, 7); a second field makes it a list, and lists are refused.
      if (section.chunked || value.toLowerCase() !== "chunked") return "bad_transfer_encoding";
      section.chunked = true;
      return undefined;
    case "connection":
      return noteConnection(section, value);
    case "upgrade":
      section.upgrade = section.upgrade === undefined ? value : `${section.upgrade}, ${value}`;
      return undefined;
    case "expect":
      section.expect = section.expect === undefined ? value : `${section.expect}, ${value}`;
      return undefined;
    default:
      return undefined;
  }
}

function noteContentLength(section: FieldSection, value: string): RefusalReason | undefined {
  if (section.contentLength >= 0) return "content_length_repeated";
  if (value.length === 0) return "bad_content_length";
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code < 0x30 || code > 0x39) return "bad_content_length";
  }
  const length = Number(value);
  // Beyond this a number is no longer exact, and two readers may differ.
  if (value.length > 16 || length > Number.MAX_SAFE_INTEGER) return "content_length_too_large";
  section.contentLength = length;
  return undefined;
}

function noteConnection(section: FieldSection, value: string): RefusalReason | undefined {
  if (value === "keep-alive") {
    section.keepAlive = true;
    return undefined;
  }
  const names = [...section.connectionNames];
  for (const part of value.split(",")) {
    const option = trimmed(part, 0, part.length).toLowerCase();
    if (option === "close") section.close = true;
    else if (option === "keep-alive") section.keepAlive = true;
    else if (option === "upgrade") section.connectionUpgrade = true;
    // Empty list elements mean nothing (RFC 9110, 5.6.1.2).
    else if (option === "") continue;
    else if (isToken(option)) names.push(option);
    else return "bad_connection";
  }
  section.connectionNames = names;
  return undefined;
}

/** Without the spaces and tabs at both ends. */
export function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.substring(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function whyBadName(name: string): RefusalReason {
  const last = name.charCodeAt(name.length - 1);
  return isBlank(last) ? "space_before_colon" : "bad_field";
}
