// Keeps the log of a program that runs in the background bounded. Whoever started it, the CLI or launchd, opened
// the file for appending and is gone: nobody but the program itself can rotate it.
import { rotateLog } from "../agent/apps/rotate-log.ts";
import type { Timer, World } from "../world/world.ts";

export const LOG_LOOK_EVERY_MS = 60_000;

/** Looks once a minute until the timer is cancelled. */
export function boundLog({ disk, timers }: Pick<World, "disk" | "timers">, path: string): Timer {
  let looking = false;
  return timers.every(LOG_LOOK_EVERY_MS, () => {
    if (looking) return;
    looking = true;
    // What failed is tried again in a minute; a complaint would only make the log longer.
    void rotateLog(disk, path)
      .catch(() => false)
      .finally(() => (looking = false));
  });
}
