// The head of a visitor's request as the device gets it: what was parsed, written anew. What claims to come
// from a proxy ends here, since only we could make it; hop-by-hop fields the device's gateway ends itself,
// where the next hop begins.
import { forwardedRequest } from "../../http1/forward.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { serializeRequest } from "../../http1/serialize.ts";

/** Fields that only the hub itself may set, on the way to its own pages. */
const OURS: ReadonlySet<string> = new Set(["muster-visitor", "muster-request-id", "muster-scheme"]);

export function forwardedHead(request: RequestHead): Uint8Array {
  return serializeRequest(request, forwardedRequest(request, { dropNames: OURS }));
}
