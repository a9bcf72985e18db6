// Asks this system's resolver, hosts file and all, as any program here would.
import { lookup } from "node:dns/promises";

/** Addresses in the resolver's order. Rejects with an Error whose `code` is the system's ("ENOTFOUND", "EAI_AGAIN"). */
export async function resolveHost(host: string): Promise<string[]> {
  // All below localhost is this machine (RFC 6761); not every resolver knows.
  if (host === "localhost" || host.endsWith(".localhost")) return ["127.0.0.1"];
  return (await lookup(host.replace(/^\[(.*)\]$/, "$1"), { all: true })).map(({ address }) => address);
}
