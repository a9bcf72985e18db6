// Small answers of our own, as opposed to an app's: a page, a redirect, an error.

import { field } from "./field.ts";
import type { Field } from "./field.ts";
import type { Refusal } from "./refusal.ts";
import { ALLOWED_METHODS } from "./request-head.ts";
import { serializeResponse } from "./serialize.ts";

export interface Answer {
  status: number;
  fields?: readonly Field[];
  /** Text is sent as UTF-8, and as `text/plain` unless the fields say otherwise. */
  body?: string | Uint8Array;
  /** Closes the connection even if it could stay. */
  after?: "close";
}

/** The whole answer as bytes. */
export function serializeAnswer(
  answer: Answer,
  context: { method: string; after: "keep-alive" | "close" },
): Uint8Array {
  const { status } = answer;
  const body = typeof answer.body === "string" ? Buffer.from(answer.body) : (answer.body ?? NO_BYTES);
  const fields: Field[] = [...(answer.fields ?? [])];
  if (typeof answer.body === "string" && !fields.some((each) => each.lower === "content-type")) {
    fields.push(PLAIN_TEXT);
  }
  const bodyless = status < 200 || status === 204 || status === 304;
  if (!bodyless) fields.push(field("Content-Length", String(body.length)));
  fields.push(context.after === "close" ? CLOSE : KEEP_ALIVE);
  const head = serializeResponse({ status, reason: REASONS[status] ?? "" }, fields);
  if (bodyless || context.method === "HEAD" || body.length === 0) return head;
  return Buffer.concat([head, body]);
}

/** Says what was wrong with a request, in one line. */
export function refusalAnswer(refused: Refusal): Answer {
  const { status, reason } = refused;
  // A 405 names what would be allowed (RFC 9110, 15.5.6).
  const fields = status === 405 ? [field("Allow", ALLOWED_METHODS)] : [];
  return { status, fields, body: `${reason.replaceAll("_", " ")}\n`, after: "close" };
}

const NO_BYTES = new Uint8Array(0);
const PLAIN_TEXT = field("Content-Type", "text/plain; charset=utf-8");
const CLOSE = field("Connection", "close");
const KEEP_ALIVE = field("Connection", "keep-alive");

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  421: "Misdirected Request",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};
