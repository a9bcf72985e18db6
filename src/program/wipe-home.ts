// What a home forgets when its device is no longer anyone's: the key, the hub it belonged to, what opens its
// tunnel. A note stays, so that whoever starts it next learns why it has joined no hub.
import { join } from "node:path";
import type { Disk } from "../world/world.ts";
import type { HomePaths } from "./home-paths.ts";

const NOTE = "removed";
/** Of this device's place in a fleet. The key comes first: with it gone the rest opens nothing. */
const CREDENTIALS = ["identity", "hub.json", "tunnel-credentials.json", "registration"];
/** And what it did there; only when its own person asks. */
const STATE = [
  "state.db",
  "state.db-wal",
  "state.db-shm",
  "tasks.db",
  "tasks.db-wal",
  "tasks.db-shm",
  "tasks",
  "token",
];

type WipeDisk = Pick<Disk, "info" | "remove" | "write" | "read">;

export async function wipeCredentials(
  disk: WipeDisk,
  { home }: Pick<HomePaths, "home">,
  note: string,
): Promise<void> {
  for (const name of CREDENTIALS) await removeFile(disk, join(home, name));
  await disk.write(join(home, NOTE), `${note}\n`);
}

/** Everything that this device kept of its fleet. The agent must have ended. */
export async function wipeHome(disk: WipeDisk, paths: Pick<HomePaths, "home">): Promise<void> {
  for (const name of [...CREDENTIALS, ...STATE, NOTE]) await removeFile(disk, join(paths.home, name));
}

/** Why this home has joined no hub, if it was once in one. */
export async function removalNote(
  disk: WipeDisk,
  { home }: Pick<HomePaths, "home">,
): Promise<string | undefined> {
  const path = join(home, NOTE);
  if ((await disk.info(path)) === undefined) return undefined;
  return new TextDecoder()
    .decode(await disk.read(path))
    .trim()
    .slice(0, 1000);
}

async function removeFile(disk: WipeDisk, path: string): Promise<void> {
  if ((await disk.info(path)) !== undefined) await disk.remove(path);
}
