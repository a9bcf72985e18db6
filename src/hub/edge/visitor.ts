// Who a request comes from: the far end of its connection, unless that is a proxy which this hub's owner has
// named. Of what such a proxy adds, only what it says itself counts: the last address that no named proxy has.
import type { Field } from "../../http1/field.ts";
import type { Socket } from "../../world/world.ts";
import type { Proxies } from "./proxies.ts";

export interface Visitor {
  /** IP address, "" where the socket has none. */
  visitor: string;
  https: boolean;
  /** A named proxy brought it, and says for whom. */
  proxied: boolean;
}

/** Whom a named proxy does not tell legibly is somebody, and surely not on this machine. */
const UNKNOWN = "unknown";

const ADDRESS = /^[0-9a-fA-F.:]{2,45}$/;

export function visitorOf(
  { remoteAddress, tls }: Pick<Socket, "remoteAddress" | "tls">,
  fields: readonly Field[],
  trusted: Proxies,
): Visitor {
  const hops = trusted.has(unmapped(remoteAddress)) ? valuesOf(fields, "x-forwarded-for") : [];
  // A proxy always says for whom. Without a word this is a program of the same machine, such as the prober.
  if (hops.length === 0) return { visitor: remoteAddress, https: tls, proxied: false };
  const visitor = hops.findLast((hop) => !trusted.has(hop)) ?? unmapped(remoteAddress);
  return {
    visitor: ADDRESS.test(visitor) ? visitor : UNKNOWN,
    https: tls || valuesOf(fields, "x-forwarded-proto").at(-1)?.toLowerCase() === "https",
    proxied: true,
  };
}

const NO_VALUES: readonly string[] = [];

/** The members of a list that may be spread over several fields, in order. */
function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  // Most requests have none, and then no list is made.
  if (!fields.some((field) => field.lower === name)) return NO_VALUES;
  return fields
    .filter((field) => field.lower === name)
    .flatMap(({ value }) => value.split(","))
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/** An IPv4 address on a socket of both families looks like IPv6. */
function unmapped(address: string): string {
  return address.startsWith("::") ? address.replace(/^::ffff:(?=\d{1,3}\.)/i, "") : address;
}
