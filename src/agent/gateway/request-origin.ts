// Where a request was made from, as far as a browser says. A share that is not public answers no script of
// another site, not even a sibling's below the same domain: the visitor's cookie would vouch for it.

import type { RequestHead } from "../../http1/request-head.ts";
import { splitHost } from "../../http1/host.ts";
import type { Open } from "../../protocol/open.ts";
import { firstValue } from "./share-target.ts";

export type OriginProblem = "cross_site" | "foreign_upgrade";

export function originProblem(
  head: RequestHead,
  open: Open,
  allowOrigins: readonly string[],
): OriginProblem | undefined {
  const origin = firstValue(head.fields, "origin");
  // Programs send no Origin; what they may do follows from what else they bring.
  if (head.upgrade !== undefined && origin !== undefined) {
    return isOwnOrigin(origin, open) || allowOrigins.includes(origin) ? undefined : "foreign_upgrade";
  }
  const site = firstValue(head.fields, "sec-fetch-site");
  if (site !== "same-site" && site !== "cross-site") return undefined;
  if (firstValue(head.fields, "sec-fetch-mode") === "navigate") return undefined;
  return origin !== undefined && allowOrigins.includes(origin) ? undefined : "cross_site";
}

/** Whether the origin is that of this very host and port. `null` and anything odd is foreign. */
export function isOwnOrigin(origin: string, open: Open): boolean {
  const scheme = open.https ? "https://" : "http://";
  if (!origin.startsWith(scheme)) return false;
  const theirs = splitHost(origin.slice(scheme.length));
  const ours = splitHost(open.host);
  if (theirs === undefined || ours === undefined || theirs.name !== ours.name) return false;
  const usual = open.https ? 443 : 80;
  return (theirs.port ?? usual) === (ours.port ?? usual);
}
