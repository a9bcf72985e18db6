// An access ticket as text: the hub's word that one visitor may open one share, once, within a minute. It
// stands after the `#` of an address, so that no log and no preview of a link ever sees it.
//
//   base64url(JSON of the claims) "." base64url(signature)
//
// The signature covers the fields of purpose `ticket` in signed.ts, not this text.

import { z } from "zod";
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from "./bytes.ts";
import type { SignedFields } from "./signed.ts";

export const TICKET_PATH = "/.muster/ticket";
export const TICKET_LIFETIME_MS = 60_000;
const TICKET_MAX_LENGTH = 4096;

export type TicketClaims = SignedFields<"ticket">;

const claimsOnWire = z.strictObject({
  share: z.string().min(1).max(128),
  host: z.string().min(1).max(300),
  visitor: z.string().min(1).max(200),
  nonce: z.string().length(43),
  expires_at: z.number().int().nonnegative(),
});

export function encodeTicket(claims: TicketClaims, signature: Uint8Array): string {
  const json = JSON.stringify({
    share: claims.share,
    host: claims.host,
    visitor: claims.visitor,
    nonce: toBase64Url(claims.nonce),
    expires_at: claims.expiresAt,
  } satisfies z.infer<typeof claimsOnWire>);
  return `${toBase64Url(utf8(json))}.${toBase64Url(signature)}`;
}

/** Parsed, not believed: the caller checks the signature and every claim. Undefined when it is no ticket. */
export function decodeTicket(text: string): { claims: TicketClaims; signature: Uint8Array } | undefined {
  if (text.length > TICKET_MAX_LENGTH) return undefined;
  const [body, mark, ...rest] = text.split(".");
  if (body === undefined || mark === undefined || rest.length > 0) return undefined;
  const claims = parseClaims(body);
  const signature = fromBase64Url(mark);
  return claims === undefined || signature?.length !== 64 ? undefined : { claims, signature };
}

function parseClaims(body: string): TicketClaims | undefined {
  const bytes = fromBase64Url(body);
  const text = bytes === undefined ? undefined : fromUtf8(bytes);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined; // not JSON, so no ticket
  }
  const parsed = claimsOnWire.safeParse(json);
  if (!parsed.success) return undefined;
  const { share, host, visitor, expires_at: expiresAt } = parsed.data;
  const nonce = fromBase64Url(parsed.data.nonce);
  return nonce?.length === 32 ? { share, host, visitor, nonce, expiresAt } : undefined;
}
