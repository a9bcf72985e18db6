// Cloudflare named tunnels of this hub's devices: configured by three variables or not at all. Making, rotating and
// removing them is the tunnels room's; here is when, for which device, and under which host name.
import type { Kysely } from "kysely";
import type { Log } from "../../protocol/log.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Sealer } from "../../store/seal.ts";
import { API_BASE_URL, createCloudflareApi } from "../../tunnels/cloudflare/api.ts";
import { createNamedHosts, type NamedHosts } from "../../tunnels/cloudflare/hosts.ts";
import { createNamedLink, type NamedLink } from "../../tunnels/cloudflare/named.ts";
import type { CloudflareSettings } from "../../tunnels/cloudflare/settings.ts";
import { sweep } from "../../tunnels/cloudflare/sweep.ts";
import { UNCONFIGURED_NAMED_HOSTS, unconfiguredNamedLink } from "../../tunnels/cloudflare/unconfigured.ts";
import { finishUnfinished } from "../../tunnels/cloudflare/unfinished.ts";
import type { World } from "../../world/world.ts";

export interface NamedLinksOptions {
  db: Kysely<HubDatabase>;
  world: Pick<World, "clock" | "timers" | "random"> & { network: Pick<World["network"], "fetch"> };
  sealer: Sealer;
  hubId: string;
  log: Log;
  /** Undefined: named links are disabled, and asking for one says what is missing. */
  cloudflare: CloudflareSettings | undefined;
  /** Of the provider's API, where it is not the usual one. */
  baseUrl?: string | undefined;
}

export interface NamedLinks {
  link: NamedLink;
  /** The names of shares that these links carry. */
  hosts: NamedHosts;
  configured: boolean;
  /** Finishes what was broken off, now and later, and sweeps: now and each day. The result ends it. */
  tend(): () => void;
}

const SWEEP_EVERY_MS = 24 * 3_600_000;

export function openNamedLinks(options: NamedLinksOptions): NamedLinks {
  const { db, world, sealer, hubId, log, cloudflare: settings, baseUrl = API_BASE_URL } = options;
  if (settings === undefined) {
    const link = unconfiguredNamedLink(db, world.clock);
    return { link, hosts: UNCONFIGURED_NAMED_HOSTS, configured: false, tend: () => () => {} };
  }
  const api = createCloudflareApi({ settings, world, baseUrl });
  const shop = { db, api, sealer, hubId, world, log };
  const link = createNamedLink(shop);
  const sweepNow = (): void => {
    sweep(shop, link).catch((error: unknown) => log.warn("tunnels could not be swept", { error }));
  };
  return {
    link,
    hosts: createNamedHosts(shop),
    configured: true,
    tend() {
      const stop = finishUnfinished({ db, link, api, world, log });
      const timer = world.timers.every(SWEEP_EVERY_MS, sweepNow);
      sweepNow();
      return () => {
        timer.cancel();
        stop();
      };
    },
  };
}
