// Large files on the real disk: written by position while they grow, moved to their place without replacing
// anything there.
import { constants, link, lstat, open, rename, rm, statfs, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCode } from "../protocol/errors.ts";
import type { GrowingFile, LargeFiles } from "./world.ts";

const PRIVATE_FILE = 0o600;
const WITHOUT_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

async function openGrowing(path: string, keptBytes: number): Promise<GrowingFile> {
  const { O_CREAT, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK, PRIVATE_FILE);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw Object.assign(new Error(`${path} is not a regular file`), { code: "EINVAL" });
    if (stats.size > keptBytes) await file.truncate(keptBytes);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    write: (pieces, position) => writeAll(file, pieces, position),
    async read(position, length) {
      const buffer = new Uint8Array(length);
      const { bytesRead } = await file.read(buffer, 0, length, position);
      return buffer.subarray(0, bytesRead);
    },
    truncate: (kept) => file.truncate(kept),
    sync: () => file.datasync(),
    close: () => file.close(),
  };
}

/** One by one: Bun's writev copies them on the thread that everything else waits for. */
async function writeAll(file: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<void> {
  let at = position;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length;) {
      const { bytesWritten } = await file.write(piece, from, piece.length - from, at);
      from += bytesWritten;
      at += bytesWritten;
    }
  }
}

/** A hard link fails where something is; a rename would replace it. */
async function moveNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (error) {
    if (!WITHOUT_LINKS.has(systemCode(error))) throw error;
    await moveUnlinked(from, to);
  }
  const folder = await open(dirname(to), "r").catch(() => undefined);
  if (folder === undefined) return; // some systems open no folder; the move still holds
  await folder.sync().catch(() => {});
  await folder.close();
}

/** Where a file system has no hard links, looking first has to do. */
async function moveUnlinked(from: string, to: string): Promise<void> {
  const there = await lstat(to).catch(() => undefined); // nothing there, as it should be
  if (there !== undefined) throw Object.assign(new Error(`${to} exists`), { code: "EEXIST" });
  await rename(from, to);
}

async function freeBytes(folder: string): Promise<number> {
  const told = await statfs(folder).catch(() => undefined); // then the disk itself says when it is full
  return told === undefined ? Number.POSITIVE_INFINITY : told.bavail * told.bsize;
}

export const realLargeFiles: LargeFiles = { openGrowing, moveNew, freeBytes };
