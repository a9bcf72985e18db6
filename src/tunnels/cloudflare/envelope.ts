// Every answer of Cloudflare's API is an envelope: {success, errors, messages, result, result_info}. Whether a
// call worked is said in there; a status line alone proves nothing, since proxies and captive pages send 200 too.

import { MusterError } from "../../protocol/errors.ts";

export interface ProviderMessage {
  code: number;
  message: string;
}

export interface Envelope {
  status: number;
  success: boolean;
  errors: readonly ProviderMessage[];
  result: unknown;
  /** Of a list: all there are, where the provider says so. */
  totalCount: number | undefined;
}

/** Codes of Cloudflare's that mean something to us. */
export const CODES = {
  tunnelNotFound: 1003,
  nameTaken: 1013,
  activeConnections: 1022,
  recordNotFound: 81044,
  /** A, AAAA or CNAME exists; CNAME exists; the very same record exists. */
  recordInTheWay: [81053, 81054, 81057, 81058],
  /** Bad header, bad authentication, a token without the right. */
  authentication: [6003, 6111, 9106, 9109, 10000, 10001],
} as const;

const SHOWN_MESSAGES = 3;
const SHOWN_CHARACTERS = 200;

/** Undefined when the bytes are no envelope, however friendly the status. */
export function readEnvelope(status: number, text: string): Envelope | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: a proxy's page, or an answer that was cut.
    return undefined;
  }
  if (!isRecord(body) || typeof body["success"] !== "boolean") return undefined;
  const errors = Array.isArray(body["errors"]) ? body["errors"].flatMap(readMessage) : [];
  const info = body["result_info"];
  const total = isRecord(info) ? info["total_count"] : undefined;
  return {
    status,
    success: body["success"] && status >= 200 && status < 300,
    errors,
    result: body["result"] ?? undefined,
    totalCount: typeof total === "number" ? total : undefined,
  };
}

export function hasCode(envelope: Envelope, ...codes: readonly number[]): boolean {
  return envelope.errors.some(({ code }) => codes.includes(code));
}

/** A refusal in the envelope, as what we throw. `action` is what was tried, e.g. "create the tunnel muster-…". */
export function refusal(envelope: Envelope, action: string): MusterError {
  const said = describe(envelope);
  const { status } = envelope;
  if (status === 401 || status === 403 || hasCode(envelope, ...CODES.authentication)) {
    return new MusterError("provider_refused", `Cloudflare does not let this hub ${action}: ${said}`, {
      hint: "the token in CLOUDFLARE_TUNNEL_TOKEN needs Cloudflare Tunnel: Edit on the account and DNS: Edit on the zone",
    });
  }
  if (status >= 500) {
    return new MusterError("provider_unreachable", `Cloudflare could not ${action}: ${said}`, {
      hint: "it is tried again by itself",
    });
  }
  return new MusterError("provider_refused", `Cloudflare refused to ${action}: ${said}`);
}

function describe({ status, errors }: Envelope): string {
  if (errors.length === 0) return `status ${status}`;
  return errors
    .slice(0, SHOWN_MESSAGES)
    .map(({ code, message }) => `${plain(message)} (${code})`)
    .join("; ");
}

function readMessage(value: unknown): ProviderMessage[] {
  if (!isRecord(value)) return [];
  const { code, message } = value;
  if (typeof code !== "number") return [];
  return [{ code, message: typeof message === "string" ? message : "" }];
}

/** It ends up on a terminal: no control characters, and bounded. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, SHOWN_CHARACTERS);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
