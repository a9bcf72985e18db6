// What a task wrote, on the disk: frames in the order in which they came, in a few files of which the oldest goes when
// a new one begins. So it is bounded whatever is written, can be read from any position, and keeps both outputs apart.
//
// A position counts bytes of both outputs since the task began.

import { join } from "node:path";
import type { AppendFile, Disk } from "../../world/world.ts";
import { FRAME, frameHead, FrameReader } from "./frames.ts";

/** What is kept of one task at most, and at least once that much was written. */
export const LOG_KEPT_MAX_BYTES = 8 * 1024 * 1024;
const FILES_KEPT = 16;
const FILE_BYTES = LOG_KEPT_MAX_BYTES / FILES_KEPT;
/** Of one frame: a page of the log begins and ends at frames. */
const PIECE_BYTES = 32 * 1024;

export type OutputName = "stdout" | "stderr";

export interface TaskLogPart {
  pieces: { from: OutputName; bytes: Uint8Array }[];
  next: number;
  start: number;
  end: number;
}

/** One writer, in the keeper. What the disk refuses is passed over: the program goes on. */
export class TaskLogWriter {
  readonly #disk: Pick<Disk, "openAppend" | "remove">;
  readonly #folder: string;
  readonly #files: { path: string; file: AppendFile | undefined }[] = [];
  #written = 0;
  #inFile = 0;
  #opening: Promise<void>;
  /** Came while a file was being opened. */
  #waiting: { from: OutputName; bytes: Uint8Array }[] = [];
  #open = false;
  readonly #ready: () => void;

  /** `ready`: told when it is busy no more. */
  constructor(disk: Pick<Disk, "openAppend" | "remove">, folder: string, ready: () => void) {
    this.#disk = disk;
    this.#folder = folder;
    this.#ready = ready;
    this.#opening = this.#next();
  }

  /** What is appended now has to be held: whoever writes is to wait. */
  get isBusy(): boolean {
    return !this.#open;
  }

  append(from: OutputName, bytes: Uint8Array): void {
    if (!this.#open) {
      this.#waiting.push({ from, bytes: new Uint8Array(bytes) });
      return;
    }
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      this.#put(from, bytes.subarray(at, at + PIECE_BYTES));
    if (this.#inFile >= FILE_BYTES) this.#opening = this.#next();
  }

  async close(): Promise<void> {
    while (!this.#open) await this.#opening;
    this.#files.at(-1)?.file?.close();
  }

  #put(from: OutputName, bytes: Uint8Array): void {
    try {
      const { file } = this.#files.at(-1) ?? {};
      file?.append(frameHead(from === "stdout" ? FRAME.output : FRAME.errors, bytes.length));
      file?.append(bytes);
    } catch {
      // The disk is full: a reader sees a gap, and the position tells how wide it is.
    }
    this.#written += bytes.length;
    this.#inFile += bytes.length;
  }

  async #next(): Promise<void> {
    this.#open = false;
    this.#inFile = 0;
    this.#files.at(-1)?.file?.close();
    const path = join(this.#folder, fileName(this.#written));
    const file = await this.#disk.openAppend(path).catch(() => undefined);
    this.#files.push({ path, file });
    if (this.#files.length > FILES_KEPT) {
      const oldest = this.#files.shift();
      if (oldest !== undefined) await this.#disk.remove(oldest.path).catch(() => {});
    }
    this.#open = true;
    const waiting = this.#waiting.splice(0);
    for (const { from, bytes } of waiting) this.append(from, bytes);
    if (this.#open) this.#ready();
  }
}

/** From a position on, whole pieces, the first of them perhaps cut; at most so many bytes, but at least one piece. */
export async function readTaskLog(
  disk: Pick<Disk, "list" | "read">,
  folder: string,
  { from, limit }: { from: number; limit: number },
): Promise<TaskLogPart> {
  const starts = await fileStarts(disk, folder);
  const start = starts[0] ?? 0;
  const last = starts.at(-1);
  const part: TaskLogPart = { pieces: [], next: Math.max(from, start), start, end: start };
  let room = limit;
  for (const [index, fileStart] of starts.entries()) {
    const nextStart = starts[index + 1];
    if (nextStart !== undefined && nextStart <= part.next) continue;
    // In between only the end of all of it is of interest.
    if (room <= 0 && fileStart !== last) continue;
    let position = fileStart;
    for (const { type, payload } of await framesIn(disk, join(folder, fileName(fileStart)))) {
      const behind = position + payload.length;
      if (behind > part.next && room > 0) {
        const bytes = payload.slice(Math.max(0, part.next - position));
        part.pieces.push({ from: type === FRAME.errors ? "stderr" : "stdout", bytes });
        part.next = behind;
        room -= bytes.length;
      }
      position = behind;
    }
    part.end = position;
  }
  part.next = Math.min(part.next, Math.max(part.end, start));
  return part;
}

/** The end of it, as text. */
export async function tailOfTaskLog(
  disk: Pick<Disk, "list" | "read">,
  folder: string,
  mostBytes: number,
): Promise<{ text: string; end: number; cut: boolean }> {
  const { end } = await readTaskLog(disk, folder, { from: Number.MAX_SAFE_INTEGER, limit: 0 });
  const from = Math.max(0, end - mostBytes);
  const part = await readTaskLog(disk, folder, { from, limit: mostBytes + PIECE_BYTES });
  const decoder = new TextDecoder();
  const text = part.pieces.map(({ bytes }) => decoder.decode(bytes, { stream: true })).join("");
  return { text, end: part.end, cut: Math.max(from, part.start) > 0 };
}

async function fileStarts(disk: Pick<Disk, "list">, folder: string): Promise<number[]> {
  const names = await disk.list(folder).catch(() => []);
  return names
    .flatMap((name) => {
      const start = /^log\.(\d{1,16})$/.exec(name)?.[1];
      return start === undefined ? [] : [Number(start)];
    })
    .toSorted((a, b) => a - b);
}

/** What stands behind the last whole frame was never written to its end. */
async function framesIn(
  disk: Pick<Disk, "read">,
  path: string,
): Promise<{ type: number; payload: Uint8Array }[]> {
  // It may be dropped while it is looked for.
  const bytes = await disk.read(path).catch(() => new Uint8Array(0));
  const frames: { type: number; payload: Uint8Array }[] = [];
  try {
    for (const found of new FrameReader().read(bytes)) frames.push(found);
  } catch {
    // Damaged: what came before is still good.
  }
  return frames;
}

function fileName(start: number): string {
  return `log.${start}`;
}
