// Finds and opens what a page share may show. The rule: the file that was really opened lies below the root,
// no name on its way is hidden, none of its folders is a home of Muster, and it is a regular file. It is checked on the open file itself, because
// whatever was looked at before opening may have been swapped for a link since.

import { systemCode } from "../../protocol/errors.ts";
import type { Disk, OpenFile } from "../../world/world.ts";
import { isHome, liesInHome } from "./other-homes.ts";
import { canBeAsked, isHiddenName } from "./page-path.ts";

export type PageDisk = Pick<Disk, "info" | "list" | "open" | "realPath">;

/** The share's root with every link resolved. A root may itself be a link that is moved at each deployment. */
export interface PageRoot {
  readonly path: string;
  readonly kind: "file" | "folder";
}

export type FoundPage =
  | { readonly kind: "file"; readonly file: OpenFile }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "missing" };

const MISSING: FoundPage = { kind: "missing" };

/** What the system says of a path that leads to nothing we may serve. Anything else is a fault of ours. */
const NOTHING_THERE = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "ENAMETOOLONG", "EINVAL"]);
/** Between looking and opening the file was replaced, as editors and deployments do: look once more. */
const REPLACED = new Set(["ENOENT", "ESTALE", "ELOOP"]);

export async function openRoot(disk: PageDisk, path: string): Promise<PageRoot | undefined> {
  return nothingIfMissing(async () => {
    const real = await disk.realPath(path);
    const kind = (await disk.info(real))?.kind;
    return kind === "file" || kind === "folder" ? { path: real, kind } : undefined;
  });
}

/** `names` are below the root. The caller closes the file it gets. */
export async function findPage(disk: PageDisk, root: PageRoot, names: readonly string[]): Promise<FoundPage> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await look(disk, root, names);
    } catch (error) {
      const code = systemCode(error);
      if (attempt === 1 && REPLACED.has(code) && (await stillThere(disk, root, names))) continue;
      if (NOTHING_THERE.has(code) || code === "ESTALE") return MISSING;
      throw error;
    }
  }
}

async function look(disk: PageDisk, root: PageRoot, names: readonly string[]): Promise<FoundPage> {
  const real = await disk.realPath(below(root.path, names));
  if (!mayShow(root, real) || (await liesInHome(disk, real, root.path))) return MISSING;
  const info = await disk.info(real);
  if (info?.kind === "folder") return { kind: "folder", path: real };
  if (info?.kind !== "file") return MISSING;
  const file = await disk.open(real);
  if (file.realPath === real || (await mayShowSwapped(disk, root, file))) return { kind: "file", file };
  await file.close();
  return MISSING;
}

async function mayShowSwapped(disk: PageDisk, root: PageRoot, { realPath }: OpenFile): Promise<boolean> {
  return mayShow(root, realPath) && !(await liesInHome(disk, realPath, root.path));
}

async function stillThere(disk: PageDisk, root: PageRoot, names: readonly string[]): Promise<boolean> {
  return (await nothingIfMissing(() => disk.info(below(root.path, names)))) !== undefined;
}

export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder";
  readonly size: number;
  readonly modifiedAt: number;
}

/** A folder with more entries is listed in part, and says so. */
export const LISTING_MAX_ENTRIES = 1_000;

export interface FolderListing {
  readonly entries: readonly FolderEntry[];
  readonly cut: boolean;
}

/** What of a folder may be shown: not links that lead elsewhere, hidden names, those no request can name, devices. */
export async function listFolder(disk: PageDisk, root: PageRoot, path: string): Promise<FolderListing> {
  const names = (await disk.list(path))
    .filter((name) => !isHiddenName(name) && canBeAsked(name))
    .sort(byName);
  // The folder may have been swapped for a link while it was read.
  if ((await disk.realPath(path)) !== path) return { entries: [], cut: false };
  const entries: FolderEntry[] = [];
  for (const name of names.slice(0, LISTING_MAX_ENTRIES)) {
    const entry = await nothingIfMissing(() => describe(disk, root, `${path}/${name}`));
    if (entry !== undefined) entries.push({ name, ...entry });
  }
  return { entries, cut: names.length > LISTING_MAX_ENTRIES };
}

async function describe(
  disk: PageDisk,
  root: PageRoot,
  path: string,
): Promise<Omit<FolderEntry, "name"> | undefined> {
  const real = await disk.realPath(path);
  if (!mayShow(root, real)) return undefined;
  const info = await disk.info(real);
  if (info === undefined || info.kind === "other") return undefined;
  // The folders on the way here were looked at when this one was opened; those of a link's target were not.
  const home =
    real === path ? info.kind === "folder" && isHome(disk, real) : liesInHome(disk, real, root.path);
  if (await home) return undefined;
  return { kind: info.kind, size: info.size, modifiedAt: info.modifiedAt };
}

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** Below the root, or the root itself, and nowhere hidden between the two. */
export function mayShow(root: PageRoot, realPath: string): boolean {
  if (realPath === root.path) return true;
  const prefix = root.path.endsWith("/") ? root.path : `${root.path}/`;
  if (root.kind === "file" || !realPath.startsWith(prefix)) return false;
  return !realPath.slice(prefix.length).split("/").some(isHiddenName);
}

function below(root: string, names: readonly string[]): string {
  return names.length === 0 ? root : `${root}/${names.join("/")}`;
}

export async function nothingIfMissing<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (NOTHING_THERE.has(systemCode(error))) return undefined;
    throw error;
  }
}
