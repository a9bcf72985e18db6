// The hub's page: its files at the page's own host, a way there from the hub's other hosts, and plain words
// where there is no way. Whatever a person navigates to that is no file is the page itself, which knows its
// own places.
import { MusterError } from "../../protocol/errors.ts";
import { PAGE_HEADERS } from "./answers.ts";
import { hubResource } from "./hub-resource.ts";
import { isNavigation } from "./origin-guard.ts";
import { pageOriginAt } from "./page-place.ts";
import type { ApiParts, Asset, Assets } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { wayToThePage } from "./way-to-page.ts";

const INDEX = "/index.html";

export function pageRoute(parts: ApiParts): Route {
  return route<"hub.see">({
    method: "GET",
    path: "/*",
    action: "hub.see",
    at: "hub",
    html: true,
    fromAnywhere: true,
    answer(call) {
      call.allow(hubResource(parts));
      const { request, url } = call;
      const isPage = pageOriginAt(parts.addresses.pageOrigin(), url.host) !== undefined;
      if (isPage) return file(parts.assets, request, url);
      if (url.pathname !== "/" && !isNavigation(request)) throw noSuchFile();
      return wayToThePage(parts.addresses, url);
    },
  });
}

function file(assets: Assets, request: Request, { pathname }: URL): Response {
  const found = pathname === "/" ? assets.get(INDEX) : assets.get(pathname);
  if (found !== undefined) return fileAnswer(found, request);
  const isPlace = isNavigation(request) && !/\.[a-z0-9]+$/i.test(pathname);
  const index = isPlace ? assets.get(INDEX) : undefined;
  if (index === undefined) throw noSuchFile();
  return fileAnswer(index, request);
}

function fileAnswer(asset: Asset, request: Request): Response {
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

function noSuchFile(): MusterError {
  return new MusterError("not_found", "there is nothing at this address");
}
