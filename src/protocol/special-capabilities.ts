// What tells one device from another in a list of them.
import type { CapabilityOffer } from "./capabilities.ts";

/** Of nearly every device; the details of each tell them too. */
const EVERYDAY: ReadonlySet<string> = new Set(["tasks", "exec", "shell", "proxy.http"]);

/** In their order; each once. */
export function specialCapabilities(offered: readonly CapabilityOffer[] = []): CapabilityOffer[] {
  return offered.filter(({ protocol, version }, at) => {
    const first = offered.findIndex((one) => one.protocol === protocol && one.version === version);
    return first === at && !EVERYDAY.has(protocol);
  });
}
