// The end of a log file: its last lines since a position, never more than a bound.

import { systemCode } from "../protocol/errors.ts";
import type { Disk } from "../world/world.ts";

const TAIL_MAX_BYTES = 16 * 1024;

export async function logSize(disk: Pick<Disk, "info">, path: string): Promise<number> {
  return (await disk.info(path))?.size ?? 0;
}

/** The lines written after `from`; none when there is no such file. */
export async function tailOf(disk: Pick<Disk, "open">, path: string, from: number): Promise<string[]> {
  try {
    const file = await disk.open(path);
    try {
      // A file shorter than before was rotated: all of it is new.
      const start = Math.max(file.info.size < from ? 0 : from, file.info.size - TAIL_MAX_BYTES);
      const bytes = await file.read(start, file.info.size - start);
      return new TextDecoder()
        .decode(bytes)
        .split("\n")
        .filter((line) => line !== "");
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (systemCode(thrown) === "ENOENT") return [];
    throw thrown;
  }
}
