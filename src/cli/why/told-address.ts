// Where a share or a service is stands on the hub's word alone, and a hub may lie. So what it tells is asked only where
// it is http or https and the root of a host, and where it leads no nearer to this machine than the hub itself is: to
// no service of this machine or of its network that a stranger could not ask.

import { MusterError } from "../../protocol/errors.ts";
import type { HubFile } from "../../protocol/local-api.ts";
import { isPublicAddress } from "../../protocol/public-address.ts";
import { isLoopbackUrl } from "../hub-url.ts";
import type { PathProbe } from "./path-probe.ts";

/** Where something is, by what the hub calls it. */
export interface Told {
  name: string;
  url: string;
}

const SHOWN_MAX = 200;
/** Of a name in DNS. */
const HOST_MAX = 253;

/** Throws `protocol_error` for what is no address. */
export function toldUrl({ name, url: text }: Told): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  const isRoot = isWeb && url.href === `${url.origin}/`;
  if (isRoot && url.hostname.length <= HOST_MAX) return url;
  throw new MusterError(
    "protocol_error",
    `the hub says that ${name} is at "${text.slice(0, SHOWN_MAX)}", which is no address of one`,
    {
      hint: "one is http:// or https://, a host and nothing behind it. Nothing was asked there; whoever keeps the hub can look why it says so",
    },
  );
}

function hintOf({ url }: Told): string {
  return isLoopbackUrl(url)
    ? `a hub without a domain gives addresses for its own machine alone: muster hub --domain; if this is that machine: muster why ${url}`
    : `nothing was asked there; where that is meant, walk it by its address: muster why ${url}`;
}

/** From near to far. */
const REACHES = ["machine", "network", "internet"] as const;
type Reach = (typeof REACHES)[number];

const WORDS = { machine: "to this machine itself", network: "into this machine's own network", internet: "" };

/** What throws where one of `addresses`, or the host itself, is nearer than the hub. */
export function noNearerThanHub(
  probe: PathProbe,
  joined: HubFile,
  told: Told,
): (addresses: readonly string[]) => Promise<void> {
  return async (addresses) => {
    const { hostname } = toldUrl(told);
    const near = nearest([...addresses, hostname]);
    if (near === "internet" || REACHES.indexOf(near) >= REACHES.indexOf(await reachOfHub(probe, joined)))
      return;
    throw new MusterError(
      "protocol_error",
      `the hub says that ${told.name} is at ${hostname}, which leads ${WORDS[near]}, and the hub itself is elsewhere`,
      { hint: hintOf(told) },
    );
  };
}

async function reachOfHub(probe: PathProbe, { hub_url: url, embedded }: HubFile): Promise<Reach> {
  if (embedded || isLoopbackUrl(url)) return "machine";
  const { hostname } = new URL(url);
  // Of a hub whose name leads nowhere nothing is known to be near.
  return nearest([hostname, ...(await probe.resolve(hostname).catch(() => []))]);
}

function nearest(hosts: readonly string[]): Reach {
  const reaches = new Set(hosts.map(reachOf));
  return REACHES.find((one) => reaches.has(one)) ?? "internet";
}

/** 64:ff9b::/96 is how a network without IPv4 reaches the public addresses of it (RFC 6052). */
const TRANSLATED = /^64:ff9b::/;
/** Loopback, "this host", link-local, and IPv4 written as IPv6. */
const OWN_IPV4 = /^(?:127|0|169\.254)\./;
const OWN_IPV6 = /^(?:::|fe[89ab][0-9a-f]:)/;

/** A name is no address; what it leads to is looked at beside it. */
function reachOf(host: string): Reach {
  const text = host.toLowerCase().replaceAll(/^\[|\]$/g, "");
  const isIpv6 = text.includes(":");
  if (!isIpv6 && !/^[0-9.]+$/.test(text)) return isLoopbackUrl(`http://${text}/`) ? "machine" : "internet";
  if (isPublicAddress(text) || TRANSLATED.test(text)) return "internet";
  return (isIpv6 ? OWN_IPV6 : OWN_IPV4).test(text) ? "machine" : "network";
}
