// What a folder holds that will not be served, for the warning when it is published: hidden names (`.env`,
// `.git`), homes of Muster, links that lead out of it, and what is neither file nor folder.

import { liesInHome } from "./other-homes.ts";
import { canBeAsked, isHiddenName } from "./page-path.ts";
import { mayShow, nothingIfMissing, openRoot, type PageDisk, type PageRoot } from "./page-files.ts";

/** A folder is looked through as far as this; publishing must not wait for a million files. */
const ENTRIES_MAX = 20_000;
const DEPTH_MAX = 32;
/** As many as a person reads. */
const NAMED_MAX = 50;

export type LeftOutReason = "hidden" | "link_leads_out" | "not_a_file";

export interface LeftOut {
  /** Relative to the folder. */
  readonly path: string;
  readonly reason: LeftOutReason;
}

export interface FolderScan {
  /** The first fifty. */
  readonly leftOut: readonly LeftOut[];
  readonly leftOutCount: number;
  /** Files that will be served. */
  readonly files: number;
  /** Neither too large nor too deep to be looked at whole. */
  readonly complete: boolean;
}

export async function scanFolder(disk: PageDisk, path: string): Promise<FolderScan | undefined> {
  const root = await openRoot(disk, path);
  if (root === undefined) return undefined;
  if (root.kind === "file") return { leftOut: [], leftOutCount: 0, files: 1, complete: true };
  const scan = { leftOut: [] as LeftOut[], leftOutCount: 0, files: 0, complete: true };
  const waiting = [{ path: root.path, relative: "", depth: 0 }];
  let seen = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const { path: folderPath, relative, depth } = folder;
    const names = (await nothingIfMissing(() => disk.list(folderPath))) ?? [];
    for (const name of names.sort()) {
      if (++seen > ENTRIES_MAX) return { ...scan, complete: false };
      const entry = await classify(disk, root, `${folderPath}/${name}`);
      const entryRelative = relative + name;
      if (entry === "file") scan.files++;
      else if (entry === "folder" && depth >= DEPTH_MAX) scan.complete = false;
      else if (entry === "folder") {
        waiting.push({ path: `${folderPath}/${name}`, relative: `${entryRelative}/`, depth: depth + 1 });
      } else if (entry !== "seen_elsewhere") {
        scan.leftOutCount++;
        if (scan.leftOut.length < NAMED_MAX) scan.leftOut.push({ path: entryRelative, reason: entry });
      }
    }
  }
  return scan;
}

type Entry = "file" | "folder" | "seen_elsewhere" | LeftOutReason;

async function classify(disk: PageDisk, root: PageRoot, path: string): Promise<Entry> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (isHiddenName(name) || !canBeAsked(name)) return "hidden";
  const real = await nothingIfMissing(() => disk.realPath(path));
  // A link to nothing, or to where we may not look, shows nothing to visitors either.
  if (real === undefined) return "link_leads_out";
  if (!mayShow(root, real)) return real.startsWith(`${root.path}/`) ? "hidden" : "link_leads_out";
  const info = await nothingIfMissing(() => disk.info(real));
  if (info === undefined || info.kind === "other") return "not_a_file";
  if ((info.kind === "folder" || real !== path) && (await liesInHome(disk, real, root.path))) return "hidden";
  // A link within the folder: its target is met on its own way, and links in circles end here.
  if (info.kind === "folder") return real === path ? "folder" : "seen_elsewhere";
  return "file";
}
