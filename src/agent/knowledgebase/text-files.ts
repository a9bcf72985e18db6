// The texts below a folder, by the rules of page shares: nothing hidden, no links, no home of Muster, regular files
// alone. What is too long, too deep or too much is left out.
import { systemCode } from "../../protocol/errors.ts";
import { fromUtf8 } from "../../protocol/bytes.ts";
import type { Disk } from "../../world/world.ts";
import { isHome } from "../gateway/other-homes.ts";
import { isHiddenName } from "../gateway/page-path.ts";

export type TextDisk = Pick<Disk, "info" | "list" | "open" | "realPath">;

export interface TextFile {
  /** Absolute, without a link in it. */
  path: string;
  /** Below its folder, and with that folder's name: "notes/home/router.md". */
  shown: string;
  size: number;
  modifiedAt: number;
}

const TEXT = /\.(?:md|markdown|txt|text)$/i;
const FILE_MAX_BYTES = 2 * 1024 * 1024;
const DEPTH_MAX = 16;
const PIECE_BYTES = 256 * 1024;

/** What may still be looked at in one round. */
export interface Budget {
  entries: number;
}

/** In a stable order, until the budget is used up. A folder that can't be read has none. */
export async function* textFiles(disk: TextDisk, folder: string, budget: Budget): AsyncGenerator<TextFile> {
  const real = await disk.realPath(folder).catch(() => undefined);
  if (real === undefined) return;
  const name = real.slice(real.lastIndexOf("/") + 1);
  yield* below(disk, { path: real, shown: name, depth: 0 }, budget);
}

interface Place {
  path: string;
  shown: string;
  depth: number;
}

async function* below(
  disk: TextDisk,
  { path, shown, depth }: Place,
  budget: Budget,
): AsyncGenerator<TextFile> {
  if (depth > DEPTH_MAX || (await isHome(disk, path))) return;
  for (const name of await namesIn(disk, path)) {
    if (budget.entries === 0) return;
    budget.entries -= 1;
    const place = { path: `${path}/${name}`, shown: `${shown}/${name}`, depth: depth + 1 };
    const info = await plainInfo(disk, place.path);
    if (info?.kind === "folder") yield* below(disk, place, budget);
    else if (info?.kind === "file" && TEXT.test(name) && info.size <= FILE_MAX_BYTES) {
      yield { path: place.path, shown: place.shown, size: info.size, modifiedAt: info.modifiedAt };
    }
  }
}

/** Undefined where it is gone, has become something else, or is no text. */
export async function readText(disk: TextDisk, { path }: TextFile): Promise<string | undefined> {
  try {
    const file = await disk.open(path);
    try {
      // Swapped since it was looked at.
      if (file.realPath !== path || file.info.size > FILE_MAX_BYTES) return undefined;
      const bytes = new Uint8Array(file.info.size);
      let length = 0;
      while (length < bytes.length) {
        const piece = await file.read(length, Math.min(PIECE_BYTES, bytes.length - length));
        if (piece.length === 0) break;
        bytes.set(piece, length);
        length += piece.length;
      }
      return fromUtf8(bytes.subarray(0, length))?.replace(/^\uFEFF/, "");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === "") throw error;
    return undefined;
  }
}

async function namesIn(disk: TextDisk, path: string): Promise<string[]> {
  try {
    return (await disk.list(path)).filter((name) => !isHiddenName(name)).toSorted();
  } catch (error) {
    if (systemCode(error) === "") throw error;
    return []; // gone, or not ours to read
  }
}

/** Of what is no link. */
async function plainInfo(disk: TextDisk, path: string): ReturnType<TextDisk["info"]> {
  try {
    return (await disk.realPath(path)) === path ? await disk.info(path) : undefined;
  } catch (error) {
    if (systemCode(error) === "") throw error;
    return undefined;
  }
}
