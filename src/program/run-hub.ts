// `muster hub`: only the hub, for a server or a container.
import type { HubOptions } from "../cli/surroundings.ts";
import { lockHome } from "../agent/lock.ts";
import { openHub } from "./open-hub.ts";
import { openHome, type Environment } from "./parts.ts";
import { hostsFor } from "./run-start.ts";
import { stoppingOn } from "./until-stopped.ts";

const EVERYWHERE = "0.0.0.0";

export async function runHub(options: HubOptions, environment: Environment): Promise<void> {
  const parts = await openHome(options.home, environment);
  const lock = lockHome(parts.world.openSqlite, parts.paths.lock, process.pid);
  const stopping = stoppingOn(options.stop);
  try {
    const { hub } = await openHub(parts, {
      hosts: hostsFor(options.host ?? EVERYWHERE),
      port: options.port,
      ...(options.domain === undefined ? {} : { domain: options.domain }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      environment,
    });
    options.ready({ hub_url: hub.url, login_url: await hub.loginLink(false) });
    await stopping.reason;
    await hub.close();
  } finally {
    lock.release();
  }
}
