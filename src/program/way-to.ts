// How this machine gets to an address elsewhere by HTTP: by which proxy, and trusting which authority. Who asks the
// hub of this home asks this, so that a hub behind an authority of one's own is reached by all or by none.
import { proxyFor, proxyUrl } from "../agent/link/proxy.ts";
import type { FetchOptions } from "../world/world.ts";
import type { Environment } from "./parts.ts";

/** `ca`: PEM; undefined for the public authorities. Throws `invalid` for a proxy that can't be used. */
export function wayTo(
  url: string,
  { ca, environment }: { ca: string | undefined; environment: Environment },
): FetchOptions {
  const proxy = proxyFor(url, environment);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(proxy === undefined ? {} : { proxy: proxyUrl(proxy).reveal() }),
  };
}
