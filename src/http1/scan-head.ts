// Finds where a head ends, and on the way refuses every byte no head may hold: a CR or LF that is not part
// of a CRLF, NUL and the other control characters but tab.
//
// A head that trickles in is scanned once, not again for each piece: the cursor remembers how far it got.
// The verdict depends on the bytes alone, never on how they were cut: bad bytes within the bound are met
// before the bound is.

import { HEAD_MAX_BYTES } from "../protocol/limits.ts";
import type { RefusalReason } from "./refusal.ts";

/** How far a head has been scanned. Belongs to one connection and is reset for each head. */
export class HeadCursor {
  position = 0;
  lineStart = 0;

  reset(): void {
    this.position = 0;
    this.lineStart = 0;
  }
}

const PLAIN = 0;
const CR = 1;
const CR_BYTE = 0x0d;
const LF_BYTE = 0x0a;

/** Bytes the head takes, its empty line included; 0 when more are needed. */
export function scanHead(bytes: Uint8Array, cursor: HeadCursor): number | RefusalReason {
  const bound = bytes.length < HEAD_MAX_BYTES ? bytes.length : HEAD_MAX_BYTES;
  let { position, lineStart } = cursor;
  while (position < bound) {
    // In bounds: position < bound <= length, and a byte indexes all of CLASSES.
    const kind = CLASSES[bytes[position] as number];
    if (kind === PLAIN) {
      position++;
      continue;
    }
    if (kind !== CR) return bytes[position] === LF_BYTE ? "bare_line_break" : "control_character";
    if (position + 1 === bound) break;
    if (bytes[position + 1] !== LF_BYTE) return "bare_line_break";
    // An empty line first of all is no end: servers skip one (RFC 9112, 2.2), and the parser judges it.
    if (position === lineStart && position !== 0) return position + 2;
    position += 2;
    lineStart = position;
  }
  if (bound === HEAD_MAX_BYTES) return tooLarge(bytes);
  cursor.position = position;
  cursor.lineStart = lineStart;
  return 0;
}

// Which of the two it is tells the sender what to shorten.
function tooLarge(bytes: Uint8Array): RefusalReason {
  const firstBreak = bytes.indexOf(CR_BYTE, 2);
  return firstBreak >= 0 && firstBreak < HEAD_MAX_BYTES - 1 ? "head_too_large" : "target_too_long";
}

const CLASSES = byteClasses();

function byteClasses(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(2, 0, 0x20);
  table[0x7f] = 2;
  table[0x09] = PLAIN;
  table[CR_BYTE] = CR;
  return table;
}

/** The bytes as text, one character each. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  // Called on the bytes as they are: asking them for their `buffer` makes the engine move them to one first.
  return Buffer.prototype.latin1Slice.call(bytes, from, to);
}
