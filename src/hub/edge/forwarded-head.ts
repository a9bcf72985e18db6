// The head of a visitor's request as the device gets it: what was parsed, written anew. What claims to come
// from a proxy ends here, since only we could make it; hop-by-hop fields the device's gateway ends itself,
// where the next hop begins.
import { forwardedRequest, type RequestForwarding } from "../../http1/forward.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { lentBytes, requestText } from "../../http1/serialize.ts";

/** Fields that only the hub itself may set, on the way to its own pages. */
const OURS: ReadonlySet<string> = new Set([
  "muster-visitor",
  "muster-request-id",
  "muster-scheme",
  "muster-carried",
  "muster-proxied",
]);

/** The bytes are lent: see `lentBytes`. */
export function forwardedHead(request: RequestHead): Uint8Array {
  return lentBytes(requestText(request, forwardedRequest(request, policyOf(request))));
}

const STAYS: RequestForwarding = { dropNames: OURS };
const STAYS_10: RequestForwarding = { dropNames: OURS, connection: "keep-alive" };
const CLOSES: RequestForwarding = { dropNames: OURS, connection: "close" };

/** So that the device sees the same of the visitor's connection as the hub: 1.0 and 1.1 begin differently. */
function policyOf({ keepAlive, version }: RequestHead): RequestForwarding {
  if (!keepAlive) return CLOSES;
  return version === "1.0" ? STAYS_10 : STAYS;
}
