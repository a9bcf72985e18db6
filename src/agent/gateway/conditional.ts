// Which part of a file a request wants, and whether it wants it at all: preconditions and ranges, in the order
// of RFC 9110, sections 13.2.2 and 14.
//
// Several ranges in one request are answered with the whole file, which the RFC lets a server do: no browser
// asks for them, and multipart answers are how small requests are made to cost much.

import type { Field } from "../../http1/field.ts";
import { onlyValue } from "../../http1/field.ts";

export interface Representation {
  /** Quoted, strong. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** Bytes. */
  readonly size: number;
}

export type Wanted =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "not_modified" }
  | { readonly kind: "precondition_failed" }
  | { readonly kind: "range_unsatisfiable" };

const WHOLE: Wanted = { kind: "whole" };

export function wantedPart(method: string, fields: readonly Field[], current: Representation): Wanted {
  const ifMatch = joined(fields, "if-match");
  if (ifMatch !== undefined) {
    if (!listsTag(ifMatch, current.etag, "strong")) return { kind: "precondition_failed" };
  } else {
    const unmodifiedSince = httpDate(onlyValue(fields, "if-unmodified-since"));
    if (unmodifiedSince !== undefined && wholeSeconds(current.modifiedAt) > unmodifiedSince) {
      return { kind: "precondition_failed" };
    }
  }
  const ifNoneMatch = joined(fields, "if-none-match");
  if (ifNoneMatch !== undefined) {
    if (listsTag(ifNoneMatch, current.etag, "weak")) return { kind: "not_modified" };
  } else {
    const modifiedSince = httpDate(onlyValue(fields, "if-modified-since"));
    if (modifiedSince !== undefined && wholeSeconds(current.modifiedAt) <= modifiedSince) {
      return { kind: "not_modified" };
    }
  }
  const range = onlyValue(fields, "range");
  if (method !== "GET" || range === undefined || !rangeStillApplies(fields, current)) return WHOLE;
  return readRange(range, current.size);
}

/** A range of an older version would be glued to the wrong bytes. */
function rangeStillApplies(fields: readonly Field[], current: Representation): boolean {
  const ifRange = onlyValue(fields, "if-range");
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"') || ifRange.startsWith("W/")) return ifRange === current.etag;
  return httpDate(ifRange) === wholeSeconds(current.modifiedAt);
}

/** What cannot be read as one range of bytes is ignored, as RFC 9110 (14.2) says. */
export function readRange(value: string, size: number): Wanted {
  const parts = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(value);
  if (parts === null) return WHOLE;
  const [, first = "", last = ""] = parts;
  if (first === "" && last === "") return WHOLE;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? { kind: "range_unsatisfiable" } : { kind: "part", start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return WHOLE;
  if (start >= size) return { kind: "range_unsatisfiable" };
  return { kind: "part", start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

function listsTag(list: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (list.trim() === "*") return true;
  for (const item of list.split(",")) {
    const tag = item.trim();
    if (tag === etag || (comparison === "weak" && tag === `W/${etag}`)) return true;
  }
  return false;
}

/** A list may be spread over several fields of one name. */
function joined(fields: readonly Field[], lower: string): string | undefined {
  const values = fields.filter((each) => each.lower === lower).map((each) => each.value);
  return values.length === 0 ? undefined : values.join(",");
}

/** In milliseconds since the epoch; undefined when there is none or it is no date. */
function httpDate(text: string | undefined): number | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** HTTP dates know no fractions. */
function wholeSeconds(atMs: number): number {
  return Math.floor(atMs / 1000) * 1000;
}

export function httpDateText(atMs: number): string {
  return new Date(atMs).toUTCString();
}
