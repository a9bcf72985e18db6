// A file of this machine on its way to another: opened once for each try, and still the one that was queued.
import { basename } from "node:path";
import type { FileSource } from "../../client/files/send-file.ts";
import { MusterError, systemCode } from "../../protocol/errors.ts";
import type { Disk, FileInfo } from "../../world/world.ts";

/** By what a file is known to be the same still. */
export interface FileMark {
  size: number;
  modifiedAt: number;
  inode: number;
}

export interface OpenSource extends FileSource {
  close(): Promise<void>;
}

export function markOf({ size, modifiedAt, inode }: FileInfo): FileMark {
  return { size, modifiedAt: Math.trunc(modifiedAt), inode };
}

/** Throws `conflict` when it is another than was queued, `not_found` when it is gone. */
export async function openSource(
  disk: Pick<Disk, "open" | "info">,
  path: string,
  mark: FileMark,
): Promise<OpenSource> {
  const name = basename(path);
  const file = await disk.open(path).catch((error: unknown) => {
    throw unreadable(name, error);
  });
  if (!isSame(markOf(file.info), mark)) {
    await file.close();
    throw changed(name);
  }
  return {
    read: (position, length) => file.read(position, length),
    async check() {
      const now = await disk.info(path);
      if (now === undefined || !isSame(markOf(now), mark)) throw changed(name);
    },
    close: () => file.close(),
  };
}

export function unreadable(name: string, error: unknown): MusterError {
  const why = systemCode(error) === "ENOENT" ? "there is no such file" : "it is no file that can be read";
  return new MusterError("not_found", `cannot send "${name.slice(-200)}": ${why}`, { cause: error });
}

function isSame(one: FileMark, other: FileMark): boolean {
  return one.size === other.size && one.modifiedAt === other.modifiedAt && one.inode === other.inode;
}

function changed(name: string): MusterError {
  return new MusterError("conflict", `"${name}" was changed after it was given to be sent`, {
    hint: "send it again",
  });
}
