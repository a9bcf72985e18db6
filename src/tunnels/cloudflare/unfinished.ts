// Goes on with what was broken off: at the hub's start and then by each row's own pause, one after another.

import type { Kysely } from "kysely";
import type { Log } from "../../protocol/log.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { listUnfinishedTunnels } from "../../store/tunnel-rows.ts";
import type { Timer, World } from "../../world/world.ts";
import type { CloudflareApi } from "./api.ts";
import type { NamedLink } from "./named.ts";

export const LOOK_EVERY_MS = 5_000;
/** In one look; the rest has its turn in the next. */
const ROWS_PER_LOOK = 50;

export interface UnfinishedOptions {
  db: Kysely<HubDatabase>;
  link: Pick<NamedLink, "resume">;
  api: Pick<CloudflareApi, "waitMs">;
  world: Pick<World, "clock" | "timers">;
  log: Log;
}

/** Looks now and from time to time; the returned function ends it. */
export function finishUnfinished(options: UnfinishedOptions): () => void {
  const { world, log } = options;
  let looking = false;
  let stopped = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      await resumeDue({ ...options, stopped: () => stopped });
    } catch (error) {
      log.error("unfinished tunnels could not be looked at", { error });
    } finally {
      looking = false;
    }
  };
  const timer: Timer = world.timers.every(LOOK_EVERY_MS, () => void look());
  void look();
  return () => {
    stopped = true;
    timer.cancel();
  };
}

/** Resolves once each row that was due had its try. */
export async function resumeDue({
  db,
  link,
  api,
  world,
  stopped,
}: Omit<UnfinishedOptions, "log"> & { stopped(): boolean }): Promise<void> {
  const holders = await listUnfinishedTunnels(db, { now: world.clock.now(), limit: ROWS_PER_LOOK });
  for (const holder of holders) {
    if (stopped() || api.waitMs() > 0) return;
    await link.resume(holder);
  }
}
