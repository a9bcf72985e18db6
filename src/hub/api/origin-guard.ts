// Which page a call comes from. A browser says so in `Origin` and `Sec-Fetch-Site`, which no script can forge;
// a call that changes something and carries a cookie must say it, and only the hub's own page is right.
// A program says neither and carries no cookie.
import { MusterError } from "../../protocol/errors.ts";

export interface Caller {
  /** Of the page at this request's own host; undefined where there is none. */
  pageOrigin: string | undefined;
  /** The route is one that links from elsewhere may lead to. */
  fromAnywhere: boolean;
}

/** Throws `forbidden`. */
export function guardOrigin(request: Request, caller: Caller): void {
  if (isFromHere(request, caller)) return;
  throw new MusterError("forbidden", "this call does not come from the hub's own page", {
    hint: "open the hub's page and try again there",
  });
}

/** The hub's own page asks, or a program that is none. */
export function isFromHere(request: Request, { pageOrigin, fromAnywhere }: Caller): boolean {
  const origin = request.headers.get("origin");
  if (origin !== null && origin !== pageOrigin) return false;
  const changes = request.method !== "GET" && request.method !== "HEAD";
  if (changes && origin === null && request.headers.has("cookie")) return false;
  const site = request.headers.get("sec-fetch-site");
  if (site === null || site === "same-origin") return true;
  // "none" is a person who typed the address or opened a bookmark.
  return !changes && (site === "none" || fromAnywhere);
}

/** Whether a browser shows what comes back as a page of its own. */
export function isNavigation(request: Request): boolean {
  const mode = request.headers.get("sec-fetch-mode");
  if (mode !== null) return mode === "navigate";
  return (request.headers.get("accept") ?? "").includes("text/html");
}

/** A navigation that the hub's own page began, not one that was sent round by another host. */
export function isFromOwnPage(request: Request): boolean {
  return (
    request.headers.get("sec-fetch-mode") === "navigate" &&
    request.headers.get("sec-fetch-site") === "same-origin"
  );
}
