// An app's log as a stream: its last lines, then what is added. Read in pieces and only as fast as the reader
// takes them. A log is rotated by emptying it in place, so one that became shorter is read from its start.
import { systemCode } from "../../protocol/errors.ts";
import type { Disk, Timers } from "../../world/world.ts";

const PIECE_BYTES = 64 * 1024;
export const FOLLOW_EVERY_MS = 250;
const LINE_FEED = 0x0a;

export interface LogStreamOptions {
  disk: Pick<Disk, "open">;
  timers: Timers;
  path: string;
  /** How many lines to begin with. */
  lines: number;
  follow: boolean;
}

export function logStream(options: LogStreamOptions): ReadableStream<Uint8Array> {
  const left = new AbortController();
  const pieces = readLog(options, left.signal);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await pieces.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel() {
        left.abort();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* readLog(options: LogStreamOptions, left: AbortSignal): AsyncGenerator<Uint8Array> {
  const { disk, timers, path, lines, follow } = options;
  let position = await startOfTail(disk, path, lines);
  while (!left.aborted) {
    const piece = await readPiece(disk, path, position);
    position = piece.next;
    if (piece.bytes.length > 0) yield piece.bytes;
    else if (follow) await pause(timers, left);
    else return;
  }
}

/** Where the last `lines` lines begin. */
async function startOfTail(disk: Pick<Disk, "open">, path: string, lines: number): Promise<number> {
  const file = await openLog(disk, path);
  if (file === undefined) return 0;
  try {
    const { size } = file.info;
    if (lines === 0) return size;
    let missing = lines;
    for (let end = size; end > 0; end -= PIECE_BYTES) {
      const from = Math.max(0, end - PIECE_BYTES);
      const bytes = await file.read(from, end - from);
      for (let at = bytes.length - 1; at >= 0; at--) {
        // The one at the very end closes the last line and begins none.
        if (bytes[at] !== LINE_FEED || from + at === size - 1) continue;
        if (--missing === 0) return from + at + 1;
      }
    }
    return 0;
  } finally {
    await file.close();
  }
}

async function readPiece(
  disk: Pick<Disk, "open">,
  path: string,
  position: number,
): Promise<{ bytes: Uint8Array; next: number }> {
  const file = await openLog(disk, path);
  if (file === undefined) return { bytes: new Uint8Array(0), next: 0 };
  try {
    const from = file.info.size < position ? 0 : position;
    const bytes = await file.read(from, Math.min(PIECE_BYTES, file.info.size - from));
    return { bytes, next: from + bytes.length };
  } finally {
    await file.close();
  }
}

/** Undefined for an app that has written nothing yet. */
async function openLog(disk: Pick<Disk, "open">, path: string) {
  try {
    return await disk.open(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function pause(timers: Timers, left: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = timers.after(FOLLOW_EVERY_MS, done);
    left.addEventListener("abort", done, { once: true });
    function done(): void {
      timer.cancel();
      left.removeEventListener("abort", done);
      resolve();
    }
  });
}
