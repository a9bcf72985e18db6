// A long-lived program has its home for itself: two that start at once would make two identities, of which one
// is written and the other used.
import { join } from "node:path";
import { realWorld } from "../world/real.ts";
import { boundLog } from "./bounded-log.ts";
import { homePaths } from "./home-paths.ts";
import { holderOf, lockHome, type Holder } from "./home-lock.ts";
import { openHomeFolder } from "./home-state.ts";

/** Throws `agent_running` while another program has this home. */
export async function holdingHome(
  home: string,
  runs: Holder["runs"],
  run: () => Promise<void>,
): Promise<void> {
  const paths = homePaths(home);
  await openHomeFolder(realWorld.disk, paths);
  const lock = lockHome(realWorld.openSqlite, paths.lock, { pid: process.pid, runs });
  const log = boundLog(realWorld, join(paths.logs, "agent.log"));
  try {
    await run();
  } finally {
    log.cancel();
    lock.release();
  }
}

/** The process that has this home now. */
export async function homeHolder(home: string): Promise<Holder | undefined> {
  const { lock } = homePaths(home);
  if ((await realWorld.disk.info(lock)) === undefined) return undefined;
  return holderOf(realWorld.openSqlite, lock);
}
