// JSON with exactly one text for each value, for everything that is hashed or signed: keys sorted by UTF-16
// code units, no blanks, whole numbers only, well-formed strings.

import { JSON_MAX_DEPTH } from "./limits.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Throws RangeError for what has no single text: fractions, unsafe numbers, lone surrogates, too deep. */
export function canonicalJson(value: JsonValue): string {
  return write(value, JSON_MAX_DEPTH);
}

/** The value of a text in canonical form; undefined for any other text. */
export function parseCanonicalJson(text: string): JsonValue | undefined {
  try {
    // JSON.parse returns nothing but JSON values.
    const value = JSON.parse(text) as JsonValue;
    return canonicalJson(value) === text ? value : undefined;
  } catch {
    return undefined; // not JSON, or nothing canonical: the same to the caller
  }
}

function write(value: JsonValue, depthLeft: number): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return writeNumber(value);
  if (typeof value === "string") return writeString(value);
  if (depthLeft === 0) throw new RangeError("nested too deep");
  if (isList(value)) return `[${value.map((item) => write(item, depthLeft - 1)).join(",")}]`;
  const names = Object.keys(value).sort();
  // Each name was just listed, so there is a value.
  const members = names.map((name) => `${writeString(name)}:${write(value[name] ?? null, depthLeft - 1)}`);
  return `{${members.join(",")}}`;
}

function writeNumber(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new RangeError("not a safe whole number");
  return String(value);
}

function writeString(value: string): string {
  if (!value.isWellFormed()) throw new RangeError("not well-formed text");
  return JSON.stringify(value);
}

function isList(
  value: readonly JsonValue[] | { readonly [name: string]: JsonValue },
): value is readonly JsonValue[] {
  return Array.isArray(value);
}
