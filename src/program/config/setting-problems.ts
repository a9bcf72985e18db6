// Why a text is no address, domain or name that the configuration may hold; undefined when it is one.
import { parseIpRange } from "../../protocol/ip-range.ts";
import { isLoopbackAddress } from "../../protocol/actors.ts";

const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

/** The local API is this machine's own: nothing but loopback. */
export function loopbackProblem(text: string): string | undefined {
  return isLoopbackAddress(text) ? undefined : "must be a loopback address, such as 127.0.0.1";
}

export function hubUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return "must be the address of a hub, as in https://muster.example.com";
  const url = new URL(text);
  const plain = url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  const web = url.protocol === "https:" || url.protocol === "http:";
  return plain && web ? undefined : "must be scheme, host and port of a hub, and nothing else";
}

export function hostProblem(text: string): string | undefined {
  return text.length <= 253 && DOMAIN.test(text) ? undefined : "must be a domain, as in example.com";
}

/** All addresses there are would be no proxies, but everybody. */
export function rangeProblem(text: string): string | undefined {
  const range = parseIpRange(text);
  if (range === undefined) return "must be IP addresses, or ranges as in 10.0.0.0/8";
  return text.endsWith("/0") ? "must be addresses of proxies, not everybody's" : undefined;
}

export function grammaticalName(text: string): string | undefined {
  return NAME.test(text) ? undefined : "must be a name of a-z, 0-9, dot, hyphen and underscore";
}
