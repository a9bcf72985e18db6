// Writes heads anew from their structure; nothing that came in is ever spliced into what goes out. Fields
// are safe because they exist (field.ts); the texts of the first line are checked here.

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

/** The bytes of a request head, its empty line included. Throws `internal` on a text that would split it. */
export function serializeRequest(line: RequestLine, fields: readonly Field[]): Uint8Array {
  const { method, target } = line;
  if (!isToken(method) || !VISIBLE.test(target)) {
    throw new MusterError("internal", `cannot write a request line with ${JSON.stringify(method + target)}`);
  }
  return bytesOf(`${method} ${target} HTTP/${line.version}\r\n${fieldLines(fields)}\r\n`);
}

/** The bytes of a response head. It always speaks HTTP/1.1, which is what we do (RFC 9110, 6.2). */
export function serializeResponse(
  line: { status: number; reason: string },
  fields: readonly Field[],
): Uint8Array {
  const { status, reason } = line;
  if (status < 100 || status > 999 || !Number.isInteger(status) || !REASON.test(reason)) {
    throw new MusterError("internal", `cannot write a status line with ${status} ${JSON.stringify(reason)}`);
  }
  return bytesOf(`HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}\r\n`);
}

const VISIBLE = /^\/[\x21-\x7e]*$/;
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

function fieldLines(fields: readonly Field[]): string {
  let lines = "";
  for (const { name, value } of fields) lines += `${name}: ${value}\r\n`;
  return lines;
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
