// The two cookies of a service's own host: the pass that its device gave, and, while a browser is away for a ticket,
// the nonce of that ticket with the path to come back to. Browsers take them for that very host alone, over TLS or on
// their own machine.
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from "./bytes.ts";

export const PASS_COOKIE = "__Host-muster-service";
export const NONCE_COOKIE = "__Host-muster-nonce";
export const NONCE_BYTES = 32;
export const NONCE_LIFETIME_MS = 5 * 60_000;

/** Besides the ticket: what a program shows, and what the page that comes back with a ticket sends it in. */
export const TICKET_FIELD = "muster-ticket";

export function serviceCookie(name: string, value: string, lifetimeMs: number): string {
  return `${name}=${value}; Path=/; Max-Age=${Math.floor(lifetimeMs / 1000)}; Secure; HttpOnly; SameSite=Lax`;
}

/** `path` is not believed when it comes back. */
export function nonceValue(nonce: Uint8Array, path: string): string {
  return `${toBase64Url(nonce)}.${toBase64Url(utf8(path))}`;
}

export function readNonceValue(value: string): { nonce: Uint8Array; path: string | undefined } | undefined {
  const [nonceText = "", pathText = ""] = value.split(".");
  const nonce = fromBase64Url(nonceText);
  if (nonce?.length !== NONCE_BYTES) return undefined;
  const path = fromBase64Url(pathText);
  return { nonce, path: path === undefined ? undefined : fromUtf8(path) };
}
