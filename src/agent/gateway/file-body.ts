// A file's bytes, 64 KiB at a time. The length was promised in the head: a file that turns out shorter breaks
// the answer off, so that nobody takes half a file for the whole.

import { MusterError } from "../../protocol/errors.ts";
import type { OpenFile } from "../../world/world.ts";
import type { StreamedBody } from "./reply.ts";
import { compressed, type Coding } from "./content-coding.ts";

const READ_BYTES = 64 * 1024;

/** The bytes from `start` up to, not including, `end`. */
export function fileBody(file: OpenFile, start: number, end: number): StreamedBody {
  return {
    kind: "stream",
    length: end - start,
    open: () => fileChunks(file, start, end),
    release: () => file.close(),
  };
}

export function compressedFileBody(file: OpenFile, coding: Coding): StreamedBody {
  return {
    kind: "stream",
    length: undefined,
    open: () => compressed(fileChunks(file, 0, file.info.size), coding),
    release: () => file.close(),
  };
}

async function* fileChunks(file: OpenFile, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end;) {
    const bytes = await file.read(position, Math.min(READ_BYTES, end - position));
    if (bytes.length === 0) {
      throw new MusterError("internal", `the file ended at byte ${position}, ${end} were promised`);
    }
    position += bytes.length;
    yield bytes;
  }
}
