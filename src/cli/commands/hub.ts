// `muster hub`: only the hub, in the foreground. The first line says where it is and how its owner signs in.

import { resolve } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import { configFile } from "../config-file.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { isLoopbackUrl } from "../hub-url.ts";
import { plainValue } from "../plain-text.ts";
import type { HubOptions, HubStartFacts } from "../surroundings.ts";

export interface HubFlags {
  port?: number | undefined;
  host?: string | undefined;
  domain?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** `true` without addresses. */
  behindProxy?: string | true | undefined;
  insecure?: true | undefined;
  config?: string | undefined;
}

/** Where a proxy is when nobody says where. */
const THIS_MACHINE = ["127.0.0.1", "::1"];

export async function hub(invocation: Invocation, flags: HubFlags): Promise<void> {
  const { surroundings, home, interrupted } = invocation;
  const tls = tlsFiles(invocation, flags);
  await surroundings.runHub({
    home,
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.domain === undefined ? {} : { domain: checkedDomain(flags.domain) }),
    ...(tls === undefined ? {} : { tls }),
    ...(flags.behindProxy === undefined ? {} : { behindProxy: proxies(flags.behindProxy) }),
    insecure: flags.insecure === true,
    ...configFile(invocation, flags.config),
    stop: interrupted,
    ready: (facts) => printReady(invocation, facts),
  });
}

function printReady(invocation: Invocation, facts: HubStartFacts): void {
  if (invocation.json) return printJson(invocation, { hub_url: facts.hub_url, login_url: facts.login_url });
  const { out } = invocation;
  const { hub_url, lan_url, login_url } = plainValue(facts);
  const local = lan_url === undefined && isLoopbackUrl(hub_url);
  out.line(`Hub started: ${out.style("bold", hub_url)}${local ? " (local)" : ""}`);
  if (login_url !== null) out.line(`Open ${out.style("bold", login_url)} to sign in`);
  out.line("Let a machine in: muster device token");
}

function proxies(given: string | true): readonly string[] {
  return given === true ? THIS_MACHINE : given.split(",").map((address) => address.trim());
}

function tlsFiles({ surroundings }: Invocation, { cert, key }: HubFlags): HubOptions["tls"] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) {
    return { cert: resolve(surroundings.cwd, cert), key: resolve(surroundings.cwd, key) };
  }
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
