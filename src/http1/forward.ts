// Which fields of a head go on to the next hop, as structure: hop-by-hop ones end here (RFC 9110, 7.6.1),
// framing is written anew from what was parsed, and what claims to come from a proxy is never believed.

import { withoutDomain } from "./cookies.ts";
import { field, Field, fieldMaker } from "./field.ts";
import type { ResponseFraming } from "./framing.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** Where a request came from, as the next hop is told. */
export interface Origin {
  /** IP address of the visitor, without brackets. */
  address: string;
  scheme: "http" | "https";
  /** The host the visitor asked for. */
  host: string;
}

export interface RequestForwarding {
  /** Written as `X-Forwarded-*` and `Forwarded`. Without it those fields are only dropped. */
  origin?: Origin;
  /** Replaces the visitor's Host. */
  host?: string;
  /** What the next hop shall make of its connection; beside an upgrade it says nothing. */
  connection?: "keep-alive" | "close";
  /** Lower-case names that end here. */
  dropNames?: ReadonlySet<string>;
  /** Lower-case beginnings of names that end here. */
  dropPrefixes?: readonly string[];
  /** Has the last word on every field that would go on; undefined drops it. */
  edit?: (each: Field) => Field | undefined;
  /** Fields of ours, last. */
  add?: readonly Field[];
}

/** The fields of a request for the next hop. An upgrade is passed on when the head asks for one. */
export function forwardedRequest(head: RequestHead, policy: RequestForwarding): Field[] {
  const { dropNames, dropPrefixes = NO_PREFIXES, edit, origin } = policy;
  const result: Field[] = [policy.host === undefined ? hostField(head) : field("Host", policy.host)];
  for (const each of head.fields) {
    const { lower } = each;
    // To an app behind CGI's naming, `x_forwarded_for` is `X-Forwarded-For`.
    const claimed = lower.includes("_") ? lower.replaceAll("_", "-") : lower;
    if (ENDS_HERE.has(claimed) || REQUEST_ENDS_HERE.has(claimed) || claimed.startsWith("x-forwarded-"))
      continue;
    if (dropNames?.has(claimed) || startsWithAny(claimed, dropPrefixes)) continue;
    if (head.connectionNames.includes(lower)) continue;
    if (lower === "expect" && !head.expectContinue) continue;
    const kept = edit === undefined ? each : edit(each);
    if (kept !== undefined) result.push(kept);
  }
  if (acceptsTrailers(head)) result.push(TE_TRAILERS);
  pushFraming(result, head.framing);
  // A body of no bytes is something else than none to some apps, and must be told (RFC 9110, 8.6).
  if (head.framing.kind === "none" && saysZeroLength(head)) result.push(LENGTH_ZERO);
  if (head.upgrade !== undefined) result.push(CONNECTION.upgrade, field("Upgrade", head.upgrade));
  else if (policy.connection !== undefined) result.push(CONNECTION[policy.connection]);
  if (origin !== undefined) pushOrigin(result, origin);
  if (policy.add !== undefined) for (const each of policy.add) result.push(each);
  return result;
}

/** What becomes of the visitor's connection, as the response tells it. */
export type ConnectionAfter = "keep-alive" | "close" | "upgrade";

export interface ResponseForwarding {
  connection: ConnectionAfter;
  dropNames?: ReadonlySet<string>;
  dropPrefixes?: readonly string[];
  edit?: (each: Field) => Field | undefined;
  add?: readonly Field[];
}

/** The fields of an app's response for the visitor. Interim responses get neither framing nor Connection. */
export function forwardedResponse(head: ResponseHead, policy: ResponseForwarding): Field[] {
  const { dropNames, dropPrefixes = NO_PREFIXES, edit } = policy;
  const result: Field[] = [];
  // 1xx and 204 have no length (RFC 9110, 8.6); of HEAD and 304 it describes what a GET would have got.
  const describes = head.status >= 200 && head.status !== 204;
  for (const each of head.fields) {
    const { lower } = each;
    if (ENDS_HERE.has(lower) || head.connectionNames.includes(lower)) continue;
    if (lower === "content-length") {
      if (describes) result.push(each);
      continue;
    }
    if (dropNames?.has(lower) || startsWithAny(lower, dropPrefixes)) continue;
    const own = lower === "set-cookie" ? hostOnly(each) : each;
    const kept = edit === undefined ? own : edit(own);
    if (kept !== undefined) result.push(kept);
  }
  if (head.framing.kind === "chunked") result.push(CHUNKED_FIELD);
  if (policy.add !== undefined) for (const each of policy.add) result.push(each);
  if (head.interim) return result;
  result.push(CONNECTION[policy.connection]);
  if (policy.connection === "upgrade" && head.upgrade !== undefined) {
    result.push(field("Upgrade", head.upgrade));
  }
  return result;
}

// The field that announces a body.
function pushFraming(fields: Field[], framing: ResponseFraming): void {
  if (framing.kind === "chunked") fields.push(CHUNKED_FIELD);
  if (framing.kind === "length") fields.push(contentLength(String(framing.length)));
}

const contentLength = fieldMaker("Content-Length");
const NO_PREFIXES: readonly string[] = [];
const CHUNKED_FIELD = field("Transfer-Encoding", "chunked");
const LENGTH_ZERO = field("Content-Length", "0");
const TE_TRAILERS = field("TE", "trailers");
const CONNECTION: Record<ConnectionAfter, Field> = {
  "keep-alive": field("Connection", "keep-alive"),
  close: field("Connection", "close"),
  upgrade: field("Connection", "Upgrade"),
};

// Of this hop only, in both directions.
const ENDS_HERE: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

// Written anew, or a claim about the way here that only we can make.
const REQUEST_ENDS_HERE: ReadonlySet<string> = new Set(["host", "content-length", "forwarded", "x-real-ip"]);

function hostField(head: RequestHead): Field {
  for (const each of head.fields) if (each.lower === "host") return each;
  return field("Host", head.host);
}

function startsWithAny(lower: string, prefixes: readonly string[]): boolean {
  for (const prefix of prefixes) if (lower.startsWith(prefix)) return true;
  return false;
}

function acceptsTrailers(head: RequestHead): boolean {
  for (const each of head.fields) {
    if (each.lower === "te" && /(^|,)[ \t]*trailers[ \t]*(,|$)/i.test(each.value)) return true;
  }
  return false;
}

function saysZeroLength(head: RequestHead): boolean {
  for (const each of head.fields) if (each.lower === "content-length") return true;
  return false;
}

function hostOnly(cookie: Field): Field {
  const value = withoutDomain(cookie.value);
  // A part of a checked value is itself checked.
  return value === cookie.value ? cookie : new Field(cookie.name, cookie.lower, value);
}

function pushOrigin(fields: Field[], origin: Origin): void {
  const { address, scheme, host } = origin;
  const sameAsBefore =
    address === lastOrigin.address && scheme === lastOrigin.scheme && host === lastOrigin.host;
  if (!sameAsBefore) {
    // In this order: what cannot be written throws, and must not pass for the last one's.
    lastOriginFields = originFields(origin);
    lastOrigin = origin;
  }
  for (const each of lastOriginFields) fields.push(each);
}

function originFields({ address, scheme, host }: Origin): Field[] {
  const node = address.includes(":") ? `"[${address}]"` : address;
  return [
    field("X-Forwarded-For", address),
    field("X-Forwarded-Proto", scheme),
    field("X-Forwarded-Host", host),
    field("Forwarded", `for=${node};host="${host}";proto=${scheme}`),
  ];
}

// Of the requests of one visitor, who sends them in bursts, only the first is written out and checked.
let lastOrigin: Origin = { address: "127.0.0.1", scheme: "http", host: "localhost" };
let lastOriginFields = originFields(lastOrigin);
