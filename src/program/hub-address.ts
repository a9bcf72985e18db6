// How this home reaches the hub it has joined: where, trusting what, through whom.
import type { TrunkAddress } from "../agent/link/dial.ts";
import { proxyFor } from "../agent/link/proxy.ts";
import { checkSecure } from "../protocol/hub-url.ts";
import type { HubFile } from "../protocol/local-api.ts";
import type { Environment } from "./parts.ts";

/** Throws `hub_insecure` for plain HTTP that nobody accepted, `invalid` for a proxy that can't be used. */
export function hubAddress(
  joined: Pick<HubFile, "hub_url" | "insecure" | "ca" | "local_url">,
  environment: Environment,
): TrunkAddress {
  // Its own hub: not by way of DNS, a proxy in front of it, or an authority that signed for other names.
  if (joined.local_url !== undefined) return { url: joined.local_url, byKeyAlone: true };
  const { hub_url: url, ca, insecure = false } = joined;
  checkSecure(url, insecure);
  const proxy = proxyFor(url, environment);
  return { url, ...(ca === undefined ? {} : { ca }), ...(proxy === undefined ? {} : { proxy }) };
}
