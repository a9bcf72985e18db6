// The real world, put together.
import { realDisk } from "./disk.ts";
import { realNetwork } from "./network.ts";
import { realProcesses } from "./processes.ts";
import { realRandom } from "./random.ts";
import { openSqlite } from "./sqlite.ts";
import { realClock, realTimers } from "./time.ts";
import type { World } from "./world.ts";

export const realWorld: World = {
  clock: realClock,
  timers: realTimers,
  random: realRandom,
  network: realNetwork,
  disk: realDisk,
  processes: realProcesses,
  openSqlite,
};
