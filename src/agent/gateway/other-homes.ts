// Homes of Muster besides this agent's own: another account's, a second one, a backup. A share may lie around
// them, and their keys are no pages either. They are known by what lies in them.

import type { Disk } from "../../world/world.ts";

type InfoDisk = Pick<Disk, "info">;

/** `folder` holds what only a home holds: its lock, and the key of a device or of a hub. */
export async function isHome(disk: InfoDisk, folder: string): Promise<boolean> {
  const holds = async (name: string): Promise<boolean> =>
    // What we may not look into, we can't show either.
    (await disk.info(`${folder}/${name}`).catch(() => undefined)) !== undefined;
  return (await holds("lock.db")) && ((await holds("identity")) || (await holds("hub/key")));
}

/** One of the folders from `from`, itself included, down to `path`, which is below it or the same. */
export async function liesInHome(disk: InfoDisk, path: string, from = "/"): Promise<boolean> {
  const folders = [path];
  for (let folder = path; folder !== from && folder !== "";) {
    folder = folder.slice(0, folder.lastIndexOf("/"));
    folders.push(folder === "" ? "/" : folder);
  }
  const homes = await Promise.all(folders.map((folder) => isHome(disk, folder)));
  return homes.includes(true);
}
