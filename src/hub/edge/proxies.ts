// The proxies that this hub's owner has named, by address or by range: whose word about visitors counts.
import { isInRange, parseIp, parseIpRange } from "../../protocol/ip-range.ts";

export interface Proxies {
  has(address: string): boolean;
}

/** Ranges as in `10.0.0.0/8`. The configuration has checked them; what is none names nobody. */
export function proxiesOf(named: readonly string[]): Proxies {
  const ranges = named.flatMap((text) => parseIpRange(text) ?? []);
  if (ranges.length === 0) return { has: () => false };
  return {
    has(address) {
      const bytes = parseIp(address);
      return bytes !== undefined && ranges.some((range) => isInRange(bytes, range));
    },
  };
}
