// What a hub is told on the command line, for `muster hub` and for its service alike. What could never be a
// hub's is refused here: a service that is installed with it would fail again and again where nobody looks.

import { resolve } from "node:path";
import { MusterError } from "../protocol/errors.ts";
import { parseIpRange } from "../protocol/ip-range.ts";
import type { Invocation } from "./invocation.ts";
import type { HubServiceOptions } from "./surroundings.ts";

export interface HubFlags {
  port?: number | undefined;
  host?: string | undefined;
  domain?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** `true` without addresses. */
  behindProxy?: string | true | undefined;
  insecure?: true | undefined;
}

/** Where a proxy is when nobody says where. */
const THIS_MACHINE = ["127.0.0.1", "::1"];

export function hubOptions({ surroundings }: Invocation, flags: HubFlags): HubServiceOptions {
  const { port, host, domain, behindProxy } = flags;
  const tls = tlsFiles(surroundings.cwd, flags);
  return {
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(domain === undefined ? {} : { domain: checkedDomain(domain) }),
    ...(tls === undefined ? {} : { tls }),
    ...(behindProxy === undefined ? {} : { behindProxy: proxies(behindProxy) }),
    insecure: flags.insecure === true,
  };
}

function proxies(given: string | true): readonly string[] {
  if (given === true) return THIS_MACHINE;
  const named = given.split(",").map((address) => address.trim());
  const wrong = named.find((address) => parseIpRange(address) === undefined);
  if (wrong === undefined) return named;
  throw new MusterError("usage", `--behind-proxy "${wrong.slice(0, 64)}" is no address`, {
    hint: "give IP addresses of proxies, or ranges as in 10.0.0.0/8, with commas between",
  });
}

function tlsFiles(cwd: string, { cert, key }: HubFlags): HubServiceOptions["tls"] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) return { cert: resolve(cwd, cert), key: resolve(cwd, key) };
  throw new MusterError("usage", cert === undefined ? "--key needs --cert" : "--cert needs --key", {
    hint: "give both: the certificate chain and its private key, as PEM files",
  });
}

function checkedDomain(text: string): string {
  const domain = text.toLowerCase().replace(/\.$/, "");
  if (
    domain.length <= 253 &&
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(domain)
  ) {
    return domain;
  }
  throw new MusterError("usage", `--domain "${text.slice(0, 100)}" is no domain`, {
    hint: "give the name alone, as in example.com: no scheme, port or path",
  });
}
