// Writes heads anew from their structure; nothing that came in is ever spliced into what goes out. Fields
// are safe because they exist (field.ts); the texts of the first line are checked here.

import { someBytes } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { isToken } from "./field.ts";
import type { Field } from "./field.ts";
import type { HttpVersion } from "./request-head.ts";

export interface RequestLine {
  method: string;
  /** Origin form. */
  target: string;
  version: HttpVersion;
}

export interface StatusLine {
  status: number;
  reason: string;
}

/** The bytes of a request head, its empty line included. Throws `internal` on a text that would split it. */
export function serializeRequest(line: RequestLine, fields: readonly Field[]): Uint8Array {
  return Buffer.from(requestText(line, fields), "latin1");
}

/**
 * The bytes of a response head. It always speaks HTTP/1.1, which is what we do (RFC 9110, 6.2). Throws as
 * `serializeRequest` does.
 */
export function serializeResponse(line: StatusLine, fields: readonly Field[]): Uint8Array {
  return Buffer.from(responseText(line, fields), "latin1");
}

/** As `serializeRequest`, for `lentBytes`. */
export function requestText(line: RequestLine, fields: readonly Field[]): string {
  const { method, target } = line;
  if (!isToken(method) || !VISIBLE.test(target)) {
    throw new MusterError("internal", `cannot write a request line with ${JSON.stringify(method + target)}`);
  }
  return `${method} ${target} HTTP/${line.version}\r\n${fieldLines(fields)}\r\n`;
}

/** As `serializeResponse`, for `lentBytes`. */
export function responseText(line: StatusLine, fields: readonly Field[]): string {
  const { status, reason } = line;
  if (status < 100 || status > 999 || !Number.isInteger(status) || !REASON.test(reason)) {
    throw new MusterError("internal", `cannot write a status line with ${status} ${JSON.stringify(reason)}`);
  }
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}\r\n`;
}

/**
 * A head as bytes, with the beginning of its body behind it. They are valid until the next call, so they are
 * for a `write` at once: a buffer of its own for each of a request's four heads costs 0.5 µs.
 */
export function lentBytes(head: string, body: Uint8Array = NO_BYTES): Uint8Array {
  const length = head.length + body.length;
  const bytes = length <= lent.length ? lent : new Uint8Array(length);
  Buffer.prototype.latin1Write.call(bytes, head, 0);
  if (body.length > 0) bytes.set(body, head.length);
  return someBytes(bytes, 0, length);
}

const NO_BYTES = new Uint8Array(0);
const lent = new Uint8Array(32 * 1024);

const VISIBLE = /^\/[\x21-\x7e]*$/;
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

function fieldLines(fields: readonly Field[]): string {
  let lines = "";
  for (const each of fields) lines += each.line;
  return lines;
}
