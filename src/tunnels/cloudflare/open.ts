// Named links as a hub has them: with settings the real ones and the loop that finishes what was begun, without
// them the one that says so.

import type { Kysely } from "kysely";
import type { Log } from "../../protocol/log.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Sealer } from "../../store/seal.ts";
import type { World } from "../../world/world.ts";
import { createCloudflareApi } from "./api.ts";
import type { Workshop } from "./journal.ts";
import { createNamedLink, type NamedLink } from "./named.ts";
import { type CloudflareSettings, namedLinksDisabled } from "./settings.ts";
import { listLeftovers, sweep, type Leftover, type SweepReport } from "./sweep.ts";
import { unconfiguredNamedLink } from "./unconfigured.ts";
import { finishUnfinished } from "./unfinished.ts";

export interface NamedLinksOptions {
  /** What `readCloudflareSettings` gave. */
  settings: CloudflareSettings | undefined;
  db: Kysely<HubDatabase>;
  sealer: Sealer;
  hubId: string;
  world: Pick<World, "clock" | "timers" | "random" | "network">;
  log: Log;
  /** Where the API is, if not at Cloudflare: a proxy, or a fake. */
  baseUrl?: string | undefined;
}

export interface NamedLinks {
  readonly enabled: boolean;
  readonly link: NamedLink;
  leftovers(): Promise<Leftover[]>;
  sweep(): Promise<SweepReport>;
  /** Ends the loop; what is under way ends by itself, or in the next run. */
  close(): void;
}

/** Goes on at once with what an earlier run began. */
export function openNamedLinks(options: NamedLinksOptions): NamedLinks {
  const { settings, db, sealer, hubId, world, log, baseUrl } = options;
  if (settings === undefined) {
    const refuse = (): Promise<never> => Promise.reject(namedLinksDisabled());
    const link = unconfiguredNamedLink(db, world.clock);
    return { enabled: false, link, leftovers: refuse, sweep: refuse, close() {} };
  }
  const api = createCloudflareApi({ settings, world, ...(baseUrl === undefined ? {} : { baseUrl }) });
  const shop: Workshop = { db, api, sealer, hubId, world, log };
  const link = createNamedLink(shop);
  const close = finishUnfinished({ db, link, api, world, log });
  return {
    enabled: true,
    link,
    leftovers: () => listLeftovers(shop),
    sweep: () => sweep(shop, link),
    close,
  };
}
