// Names that no trailer may have: those that say how a message is framed and where it goes, who sent it and by which
// way, and cookies (RFC 9110, 6.5.1). Whoever merges trailers into a head would take them for what was checked there.

const FORBIDDEN: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "max-forwards",
  "set-cookie",
  "set-cookie2",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-real-ip",
]);
const FORBIDDEN_PREFIXES = ["muster-", "proxy-", "x-forwarded-"] as const;

/** What of a name decides. */
export const TRAILER_NAME_LOOKED_AT = 32;

/** `name`: as it came, or its first `TRAILER_NAME_LOOKED_AT` letters. */
export function isForbiddenTrailer(name: string): boolean {
  // To an app behind CGI's naming, `x_forwarded_for` is `X-Forwarded-For`.
  const claimed = name.toLowerCase().replaceAll("_", "-");
  return FORBIDDEN.has(claimed) || FORBIDDEN_PREFIXES.some((prefix) => claimed.startsWith(prefix));
}
