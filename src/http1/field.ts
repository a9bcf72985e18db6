// One header field. A Field that exists is safe to write to a wire: its name is a token and its value holds
// neither line breaks nor other control characters. Only the parser and `field()` make one, both after
// checking, so the serialiser need not look again.
//
// Text is latin1 throughout: one character is one byte, as it came and as it will be sent.

import { MusterError } from "../protocol/errors.ts";

export class Field {
  // Makes the type nominal, so that an unchecked object literal is no Field. Nothing exists at run time.
  declare protected readonly checked: true;
  /** As sent. */
  readonly name: string;
  /** In lower case, for comparing. */
  readonly lower: string;
  readonly value: string;
  /** As it is written on a wire, line break included. */
  readonly line: string;

  /**
   * For the parser alone, which has checked every byte; everybody else calls `field()`. A `line` is handed in
   * by whoever holds these very characters already.
   */
  constructor(name: string, lower: string, value: string, line = `${name}: ${value}\r\n`) {
    this.name = name;
    this.lower = lower;
    this.value = value;
    this.line = line;
  }
}

/** Makes a field of our own. Throws `internal` when it could break a head apart. */
export function field(name: string, value: string): Field {
  const lower = lowerFieldName(name);
  if (lower === undefined) throw new MusterError("internal", `"${escape(name)}" is no field name`);
  if (!isFieldValue(value)) {
    throw new MusterError("internal", `field ${lower} got a value that cannot be sent: "${escape(value)}"`);
  }
  return new Field(name, lower, value);
}

/**
 * `field` for a name that is written on every request: it is looked at once, and a value only when it is not
 * the last one again.
 */
export function fieldMaker(name: string): (value: string) => Field {
  let last = field(name, "");
  return (value) => {
    if (value !== last.value) last = field(name, value);
    return last;
  };
}

/** The value of the only field of that name; undefined when there is none or more than one. */
export function onlyValue(fields: readonly Field[], lower: string): string | undefined {
  let value: string | undefined;
  for (const each of fields) {
    if (each.lower !== lower) continue;
    if (value !== undefined) return undefined;
    value = each.value;
  }
  return value;
}

/**
 * The well-known name that stands there in its usual spelling or in lower case, with its lower case. Found
 * without making a string of it first, which with the look-up was a third of reading a field.
 */
export function wellKnownAt(text: string, start: number, end: number): WellKnown | undefined {
  const candidates = WELL_KNOWN_BY_LENGTH[end - start];
  if (candidates === undefined) return undefined;
  const first = text.charCodeAt(start);
  for (const each of candidates) {
    if (each.first === first && text.startsWith(each.name, start)) return each;
  }
  return undefined;
}

/** The name in lower case, or undefined when it is no token (RFC 9110, 5.6.2). */
export function lowerFieldName(name: string): string | undefined {
  const known = WELL_KNOWN.get(name);
  if (known !== undefined) return known;
  if (!isToken(name)) return undefined;
  const lower = name.toLowerCase();
  // The interned string compares by address later on.
  return WELL_KNOWN.get(lower) ?? lower;
}

export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f || TOKEN[code] === 0) return false;
  }
  return true;
}

export function isTokenByte(byte: number): boolean {
  return TOKEN[byte] === 1;
}

/** Latin1 without control characters, tab excepted. */
export function isFieldValue(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}

const TOKEN = tokenTable();

function tokenTable(): Uint8Array {
  const table = new Uint8Array(256);
  const others = "!#$%&'*+-.^_`|~";
  for (let code = 0; code < 128; code++) {
    const character = String.fromCharCode(code);
    if (/[0-9A-Za-z]/.test(character) || others.includes(character)) table[code] = 1;
  }
  return table;
}

// Names met in nearly every head, in their usual spellings: a hit saves both the check and the lower-casing.
const WELL_KNOWN = spellings(
  `Accept Accept-Encoding Accept-Language Accept-Ranges Access-Control-Allow-Origin Age Authorization
   Cache-Control Connection Content-Disposition Content-Encoding Content-Length Content-Range
   Content-Security-Policy Content-Type Cookie DNT Date ETag Expect Expires Forwarded Host HTTP2-Settings
   If-Match If-Modified-Since If-None-Match If-Range Keep-Alive Last-Modified Link Location
   Muster-Password Muster-Request-Id Origin Pragma
   Priority Proxy-Authenticate Proxy-Authorization Proxy-Connection Range Referer Retry-After
   Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User
   Sec-WebSocket-Accept Sec-WebSocket-Extensions Sec-WebSocket-Key Sec-WebSocket-Protocol
   Sec-WebSocket-Version Server Set-Cookie Strict-Transport-Security TE Trailer Transfer-Encoding Upgrade
   Upgrade-Insecure-Requests User-Agent Vary Via WWW-Authenticate X-Forwarded-For X-Forwarded-Host
   X-Forwarded-Proto X-Powered-By X-Real-IP X-Requested-With`,
);

function spellings(names: string): Map<string, string> {
  const table = new Map<string, string>();
  for (const name of names.split(/\s+/)) {
    const lower = name.toLowerCase();
    table.set(name, lower);
    table.set(lower, lower);
  }
  return table;
}

interface WellKnown {
  readonly name: string;
  readonly lower: string;
  /** Code of its first character. */
  readonly first: number;
}

const WELL_KNOWN_BY_LENGTH = byLength();

function byLength(): (WellKnown[] | undefined)[] {
  const table: (WellKnown[] | undefined)[] = [];
  for (const [name, lower] of WELL_KNOWN) {
    (table[name.length] ??= []).push({ name, lower, first: name.charCodeAt(0) });
  }
  return table;
}

function escape(text: string): string {
  return JSON.stringify(text.slice(0, 64)).slice(1, -1);
}
