// The real disk. Writes are atomic and durable; files are opened without following a link in their last part.
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import {
  constants,
  link,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  truncate,
} from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { systemCode } from "../protocol/errors.ts";
import type { AppendFile, Disk, FileInfo, OpenFile } from "./world.ts";

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

function infoOf(stats: Stats): FileInfo {
  const kind = stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other";
  return { kind, size: stats.size, modifiedAt: stats.mtimeMs, mode: stats.mode & 0o777, inode: stats.ino };
}

async function write(path: string, bytes: Uint8Array | string, mode = PRIVATE_FILE): Promise<void> {
  await place(path, { bytes, mode, into: rename });
}

async function create(path: string, bytes: Uint8Array | string, mode = PRIVATE_FILE): Promise<boolean> {
  // A second name for a whole file is given or not, never half of it.
  const into = async (temporary: string): Promise<void> => {
    await link(temporary, path);
    await rm(temporary, { force: true });
  };
  try {
    await place(path, { bytes, mode, into });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

interface Placing {
  bytes: Uint8Array | string;
  mode: number;
  into(temporary: string, path: string): Promise<void>;
}

async function place(path: string, { bytes, mode, into }: Placing): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const file = await open(temporary, "wx", mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
    await file.close();
    await into(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** A rename is durable once its folder is. Some systems refuse to sync a folder; the rename still holds. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  if (folder === undefined) return;
  await folder.sync().catch(() => {});
  await folder.close();
}

async function info(path: string): Promise<FileInfo | undefined> {
  try {
    return infoOf(await stat(path));
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(systemCode(error))) return undefined;
    throw error;
  }
}

async function openForReading(path: string): Promise<OpenFile> {
  // Without O_NONBLOCK opening a FIFO would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw Object.assign(new Error(`${path} is not a regular file`), { code: "EINVAL" });
    const realPath = await pathOf(file.fd, path, stats);
    return {
      info: infoOf(stats),
      realPath,
      async read(position, length) {
        const buffer = new Uint8Array(length);
        const { bytesRead } = await file.read(buffer, 0, length, position);
        return buffer.subarray(0, bytesRead);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Linux tells the path of an open file; elsewhere the path is resolved again and must be the same file. */
async function pathOf(descriptor: number, path: string, opened: Stats): Promise<string> {
  if (process.platform === "linux") return realpath(`/proc/self/fd/${descriptor}`);
  const resolved = await realpath(path);
  const now = await lstat(resolved);
  if (now.ino !== opened.ino || now.dev !== opened.dev) {
    throw Object.assign(new Error(`${path} changed while it was opened`), { code: "ESTALE" });
  }
  return resolved;
}

function openAppend(path: string, mode = PRIVATE_FILE): Promise<AppendFile> {
  return new Promise((resolve) => {
    const descriptor = openSync(path, "a", mode);
    let size = fstatSync(descriptor).size;
    resolve({
      get size() {
        return size;
      },
      append(bytes) {
        for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
        size += bytes.length;
      },
      close: () => closeSync(descriptor),
    });
  });
}

export const realDisk: Disk = {
  read: async (path) => new Uint8Array(await readFile(path)),
  write,
  create,
  remove: (path) => rm(path, { force: true, recursive: true }),
  rename,
  empty: (path) => truncate(path, 0),
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
  },
  list: (path) => readdir(path),
  info,
  realPath: (path) => realpath(path),
  open: openForReading,
  openAppend,
};
