// Which muster.toml holds: the first one there is, in a fixed order. One that was asked for by name and is not
// there is an error, never a reason to take another.
import { join, resolve } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import type { Disk } from "../../world/world.ts";

export interface ConfigPlace {
  disk: Pick<Disk, "info" | "read">;
  environment: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** As in `process.platform`. */
  platform: string;
  /** The state folder; undefined where there is none. */
  home: string | undefined;
  /** `--config FILE`. */
  flag: string | undefined;
}

export const CONFIG_FILE = "muster.toml";
const SYSTEM_CONFIG = "/etc/muster/muster.toml";

/** Absolute; undefined where the built-in values hold. Throws `usage` naming a file that was asked for. */
export async function findConfig(place: ConfigPlace): Promise<string | undefined> {
  const { disk, environment, cwd, flag } = place;
  if (flag !== undefined) return needed(disk, resolve(cwd, flag), "--config");
  const folder = environment["MUSTER_CONFIG_DIR"] ?? "";
  if (folder !== "") return needed(disk, join(resolve(cwd, folder), CONFIG_FILE), "MUSTER_CONFIG_DIR");
  for (const path of usualPlaces(place)) if (await isFile(disk, path)) return path;
  return undefined;
}

/** In the order in which they are looked at. */
export function usualPlaces({ environment, cwd, platform, home }: ConfigPlace): string[] {
  const places = home === undefined ? [] : [join(home, CONFIG_FILE)];
  // A home of its own is a device of its own: the person's settings are another device's.
  if ((environment["MUSTER_HOME"] ?? "") === "") places.push(...personalPlaces(environment, cwd, platform));
  return [...places, SYSTEM_CONFIG];
}

function personalPlaces(environment: ConfigPlace["environment"], cwd: string, platform: string): string[] {
  const user = environment["HOME"] ?? environment["USERPROFILE"] ?? "";
  const xdg = environment["XDG_CONFIG_HOME"] ?? "";
  const places: string[] = [];
  // A relative XDG path is none (XDG Base Directory Specification).
  if (xdg.startsWith("/")) places.push(join(xdg, "muster", CONFIG_FILE));
  else if (user !== "") places.push(join(resolve(cwd, user), ".config", "muster", CONFIG_FILE));
  if (platform === "darwin" && user !== "") {
    places.push(join(resolve(cwd, user), "Library", "Application Support", "Muster", CONFIG_FILE));
  }
  return places;
}

async function needed(disk: Pick<Disk, "info">, path: string, by: string): Promise<string> {
  if (await isFile(disk, path)) return path;
  throw new MusterError("usage", `there is no configuration at "${path}", which ${by} names`, {
    hint: `\`muster config example > '${path}'\` begins one`,
  });
}

async function isFile(disk: Pick<Disk, "info">, path: string): Promise<boolean> {
  return (await disk.info(path))?.kind === "file";
}
