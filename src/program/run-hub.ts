// `muster hub`: only the hub, for a server or a container.
import type { HubOptions } from "../cli/surroundings.ts";
import { loadConfig } from "./config/load-config.ts";
import { holdingHome } from "./hold-home.ts";
import { openHub } from "./open-hub.ts";
import { openNotices } from "./service/open-notices.ts";
import { openHome, type Environment } from "./parts.ts";
import { hostsFor, hubFlags } from "./run-start.ts";
import { stoppingOn } from "./until-stopped.ts";

const EVERYWHERE = "0.0.0.0";

export function runHub(options: HubOptions, environment: Environment): Promise<void> {
  return holdingHome(options.home, "hub", () => runHere(options, environment));
}

async function runHere(options: HubOptions, environment: Environment): Promise<void> {
  const config = await loadConfig({ ...options, environment }, hubFlags(options));
  const parts = await openHome(options.home, environment, config);
  const notices = await openNotices(environment);
  const stopping = stoppingOn(options.stop);
  const { hub, hubFile } = await openHub(parts, {
    hosts: hostsFor(config.text("hub.host") ?? EVERYWHERE),
    config,
    environment,
    insecure: options.insecure,
    guests: false,
  });
  notices.ready(`hub at ${hub.url}`);
  const { lan_url } = hubFile;
  options.ready({
    hub_url: hub.url,
    ...(lan_url === undefined ? {} : { lan_url }),
    login_url: await hub.loginLink(false),
  });
  await stopping.reason;
  notices.stopping();
  await hub.close();
}
