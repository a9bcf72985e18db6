// How a file of the page is answered, whoever serves it: the headers that keep the page to itself, what a browser
// has already, and the compressed form for one that takes it.
import type { Asset } from "./assets.ts";

/** Of the page: nothing from elsewhere, no script but ours, nobody's frame. */
const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types muster";

export const PAGE_HEADERS = {
  "Content-Security-Policy": PAGE_CSP,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

export function assetAnswer(asset: Asset, request: Request): Response {
  const headers = new Headers({
    "Content-Type": asset.type,
    "Cache-Control": asset.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    ETag: asset.etag,
    ...PAGE_HEADERS,
  });
  if (asset.br !== undefined) headers.set("Vary", "Accept-Encoding");
  if (namesTag(request.headers.get("if-none-match"), asset.etag))
    return new Response(null, { status: 304, headers });
  if (asset.br === undefined || !takesBrotli(request.headers.get("accept-encoding"))) {
    return new Response(asset.bytes, { headers });
  }
  headers.set("Content-Encoding", "br");
  return new Response(asset.br, { headers });
}

/** RFC 9110, 13.1.2: weak comparison, a list, or any. */
function namesTag(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}

/** Named, and not with a weight of nothing (RFC 9110, 12.5.3). */
function takesBrotli(header: string | null): boolean {
  return (header ?? "").split(",").some((coding) => {
    const [name = "", ...parameters] = coding.split(";").map((part) => part.trim().toLowerCase());
    return name === "br" && !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
  });
}
