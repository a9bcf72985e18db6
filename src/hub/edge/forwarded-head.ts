// The head of a visitor's request as the device gets it: what was parsed, written anew. What claims to come
// from a proxy ends here, since only we could make it; hop-by-hop fields the device's gateway ends itself,
// where the next hop begins.
import { forwardedRequest } from "../../http1/forward.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { serializeRequest } from "../../http1/serialize.ts";

/** Fields that only the hub itself may set, on the way to its own pages. */
const OURS: ReadonlySet<string> = new Set([
  "muster-visitor",
  "muster-request-id",
  "muster-scheme",
  "muster-carried",
  "muster-proxied",
]);

export function forwardedHead(request: RequestHead): Uint8Array {
  return serializeRequest(request, forwardedRequest(request, { dropNames: OURS, ...connectionOf(request) }));
}

/** So that the device sees the same of the visitor's connection as the hub: 1.0 and 1.1 begin differently. */
function connectionOf({ keepAlive, version }: RequestHead): { connection?: "close" | "keep-alive" } {
  if (!keepAlive) return { connection: "close" };
  return version === "1.0" ? { connection: "keep-alive" } : {};
}
