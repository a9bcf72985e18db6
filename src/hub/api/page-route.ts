// The hub's page: its files at the page's own host, a way there from the hub's other hosts, and plain words
// where there is no way. Whatever a person navigates to that is no file is the page itself, which knows its
// own places.
import { assetAnswer } from "../../protocol/asset-answer.ts";
import { MusterError } from "../../protocol/errors.ts";
import { CLAIM_PATH, claimPage } from "./claim-page.ts";
import { hubResource } from "./hub-resource.ts";
import { isNavigation } from "./origin-guard.ts";
import { pageOriginAt } from "./page-place.ts";
import type { ApiParts, Assets } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { sentToThePage, wayToThePage } from "./way-to-page.ts";

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
      if (url.pathname === CLAIM_PATH && !(isPage && isNavigation(request))) {
        const there = isNavigation(request) ? sentToThePage(parts.addresses, url) : undefined;
        return there ?? claimPage(parts.downloads === undefined ? undefined : parts.addresses.hubUrl());
      }
      if (isPage) return file(parts.assets, request, url);
      if (url.pathname !== "/" && !isNavigation(request)) throw noSuchFile();
      return wayToThePage(parts.addresses, url);
    },
  });
}

function file(assets: Assets, request: Request, { pathname }: URL): Response {
  const found = pathname === "/" ? assets.get(INDEX) : assets.get(pathname);
  if (found !== undefined) return assetAnswer(found, request);
  const isPlace = isNavigation(request) && !/\.[a-z0-9]+$/i.test(pathname);
  const index = isPlace ? assets.get(INDEX) : undefined;
  if (index === undefined) throw noSuchFile();
  return assetAnswer(index, request);
}

function noSuchFile(): MusterError {
  return new MusterError("not_found", "there is nothing at this address");
}
