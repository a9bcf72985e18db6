// Follows a body to its end without touching it: given the bytes as they arrive, says how many belong to
// it, when it is complete, and when its chunks are malformed. Chunk extensions and trailers are passed on
// as they are, so they must be well-formed to the byte: CRLF only, no blanks around a size, real field
// names and none that belongs into a head, every line and the whole trailer section bounded.

import { CHUNK_LINE_MAX_BYTES, HEAD_MAX_FIELDS, TRAILERS_MAX_BYTES } from "../protocol/limits.ts";
import { isTokenByte } from "./field.ts";
import { isForbiddenTrailer, TRAILER_NAME_LOOKED_AT } from "./forbidden-trailer.ts";
import type { ResponseFraming } from "./framing.ts";
import type { RefusalReason } from "./refusal.ts";

// Where in a chunked body the next byte stands.
const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const TRAILER_NAME = 7;
const TRAILER_VALUE = 8;
const TRAILER_LF = 9;
const LAST_LF = 10;

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const COLON = 0x3a;
const SEMICOLON = 0x3b;

// 13 digits are 52 bits: still exact as a number, and more than any disk.
const CHUNK_SIZE_MAX_DIGITS = 13;

export class BodyTracker {
  #kind: ResponseFraming["kind"] = "none";
  /** Bytes still to come: of the whole body, or of the present chunk. */
  #remaining = 0;
  #state = SIZE;
  #digits = 0;
  #lineBytes = 0;
  #trailerBytes = 0;
  #trailers = 0;
  #trailerName = "";
  #complete = true;
  #problem: RefusalReason | undefined;

  /** Begins a new body. A tracker is made once per connection and reset for each message. */
  reset(framing: ResponseFraming): void {
    this.#kind = framing.kind;
    this.#remaining = framing.kind === "length" ? framing.length : 0;
    this.#complete = framing.kind === "none";
    this.#problem = undefined;
    this.#state = SIZE;
    this.#digits = 0;
    this.#lineBytes = 0;
    this.#trailerBytes = 0;
    this.#trailers = 0;
  }

  /** Never true of a body that ends with its connection. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether only the end of the connection ends this body. */
  get untilClose(): boolean {
    return this.#kind === "close";
  }

  /** Why `consume` returned -1. */
  get problem(): RefusalReason | undefined {
    return this.#problem;
  }

  /** Bytes of a Content-Length body that have not arrived; 0 when the length isn't told beforehand. */
  get remainingLength(): number {
    return this.#kind === "length" ? this.#remaining : 0;
  }

  /**
   * How many of `bytes` belong to the body. Fewer than all only when it is complete. -1 once it is
   * malformed: then none of these bytes may be passed on.
   */
  consume(bytes: Uint8Array): number {
    if (this.#problem !== undefined) return -1;
    if (this.#complete) return 0;
    switch (this.#kind) {
      case "none":
        return 0;
      case "close":
        return bytes.length;
      case "length":
        return this.#consumeLength(bytes.length);
      case "chunked":
        return this.#consumeChunks(bytes);
    }
  }

  #consumeLength(available: number): number {
    const taken = Math.min(available, this.#remaining);
    this.#remaining -= taken;
    this.#complete = this.#remaining === 0;
    return taken;
  }

  #consumeChunks(bytes: Uint8Array): number {
    let index = 0;
    while (index < bytes.length) {
      if (this.#state === DATA) {
        const taken = Math.min(bytes.length - index, this.#remaining);
        index += taken;
        this.#remaining -= taken;
        if (this.#remaining === 0) this.#state = DATA_CR;
        continue;
      }
      // In bounds: index < bytes.length.
      const byte = bytes[index] as number;
      index++;
      const problem = this.#state < TRAILER_START ? this.#chunkByte(byte) : this.#trailerByte(byte);
      if (problem !== undefined) {
        this.#problem = problem;
        return -1;
      }
      if (this.#complete) return index;
    }
    return index;
  }

  /** One byte of a chunk's size line or of the CRLF after its data. */
  #chunkByte(byte: number): RefusalReason | undefined {
    switch (this.#state) {
      case SIZE:
        return this.#sizeByte(byte);
      case EXTENSION:
        if (byte === CR) this.#state = SIZE_LF;
        else if (isControl(byte)) return "bad_chunk";
        return ++this.#lineBytes > CHUNK_LINE_MAX_BYTES ? "bad_chunk" : undefined;
      case SIZE_LF:
        if (byte !== LF) return "bad_chunk";
        this.#state = this.#remaining === 0 ? TRAILER_START : DATA;
        return undefined;
      case DATA_CR:
        this.#state = DATA_LF;
        return byte === CR ? undefined : "bad_chunk";
      default:
        this.#state = SIZE;
        this.#digits = 0;
        this.#lineBytes = 0;
        return byte === LF ? undefined : "bad_chunk";
    }
  }

  #sizeByte(byte: number): RefusalReason | undefined {
    const digit = hexadecimal(byte);
    if (digit >= 0) {
      if (++this.#digits > CHUNK_SIZE_MAX_DIGITS) return "bad_chunk";
      this.#remaining = this.#remaining * 16 + digit;
      return undefined;
    }
    if (this.#digits === 0) return "bad_chunk";
    // Blanks before an extension are "bad whitespace" in RFC 9112 (7.1.1): some readers stop there.
    if (byte === CR) this.#state = SIZE_LF;
    else if (byte === SEMICOLON) this.#state = EXTENSION;
    else return "bad_chunk";
    return undefined;
  }

  #trailerByte(byte: number): RefusalReason | undefined {
    if (++this.#trailerBytes > TRAILERS_MAX_BYTES) return "trailers_too_large";
    switch (this.#state) {
      case TRAILER_START:
        if (byte === CR) {
          this.#state = LAST_LF;
          return undefined;
        }
        this.#state = TRAILER_NAME;
        if (++this.#trailers > HEAD_MAX_FIELDS) return "trailers_too_large";
        this.#trailerName = "";
        return this.#trailerNameByte(byte);
      case TRAILER_NAME:
        if (byte !== COLON) return this.#trailerNameByte(byte);
        this.#state = TRAILER_VALUE;
        return isForbiddenTrailer(this.#trailerName) ? "bad_trailer" : undefined;
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (isControl(byte)) return "bad_trailer";
        return undefined;
      case TRAILER_LF:
        this.#state = TRAILER_START;
        return byte === LF ? undefined : "bad_trailer";
      default:
        this.#complete = byte === LF;
        return byte === LF ? undefined : "bad_trailer";
    }
  }

  #trailerNameByte(byte: number): RefusalReason | undefined {
    if (!isTokenByte(byte)) return "bad_trailer";
    if (this.#trailerName.length < TRAILER_NAME_LOOKED_AT) this.#trailerName += String.fromCharCode(byte);
    return undefined;
  }
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== TAB) || byte === 0x7f;
}

function hexadecimal(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
