// Where cloudflared is on this machine: in PATH, else in the home's own folder of programs.
import { delimiter, isAbsolute, join } from "node:path";
import type { Disk } from "../../world/world.ts";
import type { Environment } from "../parts.ts";
import { cloudflaredFileName } from "./install.ts";

/** Undefined where there is none. */
export async function findCloudflared(
  disk: Pick<Disk, "info">,
  { home, environment, platform }: { home: string; environment: Environment; platform: string },
): Promise<string | undefined> {
  // A relative entry would mean whatever folder the agent was started in.
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of [...folders, join(home, "bin")]) {
    const path = join(folder, cloudflaredFileName(platform));
    const info = await disk.info(path).catch(() => undefined); // a folder that can't be looked into has none for us
    if (info?.kind === "file" && (info.mode & 0o111) !== 0) return path;
  }
  return undefined;
}
