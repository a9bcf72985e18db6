// Who may use what this device offers, as its configuration says: `[offer]`, `[policy] hub`, and what is not offered at all.
import type { OfferRules } from "../../agent/capabilities/call-desk.ts";
import type { HubPolicy } from "../../agent/queries/query-desk.ts";
import type { Config } from "./read-config.ts";

/** What flags disable is disabled besides what the file says. */
export function offeringOf(
  config: Config,
  disabledFlags: readonly string[] = [],
): {
  disabled: readonly string[];
  rules: OfferRules;
  hubPolicy: HubPolicy;
} {
  const rules = config.all.flatMap(({ key, value }): [string, OfferRules[string]][] => {
    const protocol = key.startsWith("offer.") ? key.slice("offer.".length) : undefined;
    if (protocol === undefined) return [];
    if (value === "controllers" || value === "members") return [[protocol, value]];
    return Array.isArray(value) ? [[protocol, value.map(String)]] : [];
  });
  return {
    disabled: [...config.texts("disable_capabilities"), ...disabledFlags],
    rules: Object.fromEntries(rules),
    hubPolicy: hubPolicyOf(config.text("policy.hub")),
  };
}

function hubPolicyOf(text: string | undefined): HubPolicy {
  return text === "nothing" || text === "compute" ? text : "lists";
}
