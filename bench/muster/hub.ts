// The hub of the program, as `muster hub --cert --key --domain` runs it, with one listener more: visitors may
// come without TLS as they come to every peer, while agents have TLS on the same hub.
//
//   bun bench/muster/hub.ts HOME PORT VISITORS_PORT DOMAIN CERT KEY
import { loadConfig } from "../../src/program/config/load-config.ts";
import { openHub } from "../../src/program/open-hub.ts";
import { openHome } from "../../src/program/parts.ts";
import { hubFlags } from "../../src/program/run-start.ts";
import type { Network } from "../../src/world/world.ts";

const [home = "", port, visitorsPort, domain = "", cert = "", key = ""] = process.argv.slice(2);

const flags = hubFlags({ port: Number(port), domain, tls: { cert, key } });
const config = await loadConfig({ home, environment: process.env }, flags);
const parts = await openHome(home, process.env);
const { network } = parts.world;
const alsoPlain: Network["listen"] = async ({ tls, ...options }) => {
  if (tls === undefined) return network.listen(options);
  await network.listen({ ...options, address: { host: "127.0.0.1", port: Number(visitorsPort) } });
  return network.listen({ ...options, tls });
};
const { hub } = await openHub(
  { ...parts, world: { ...parts.world, network: { ...network, listen: alsoPlain } } },
  { hosts: ["127.0.0.1"], config, insecure: false, guests: false, environment: process.env },
);
console.log(JSON.stringify({ url: hub.url, servingAtMs: Date.now() }));
