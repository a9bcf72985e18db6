// What a device says when a response has ended: how it went, for the hub's metrics, and how it was delimited.
//
//   status SP first byte in milliseconds SP length SP flags
//
// A stream that breaks off ends with a reset instead, never with this: a visitor must be able to tell a whole
// answer from a cut one.

import { FIN_MAX_BYTES } from "./limits.ts";

export interface Fin {
  status: number;
  /** Between the stream's opening and the first byte of the response head. */
  firstByteMs: number;
  /** Bytes of the response body as they went over the wire, chunk framing included. */
  length: number;
  /** The response was delimited by closing: the visitor's connection has to end with it. */
  close: boolean;
}

const encoder = new TextEncoder();
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const CLOSE = 0x63;
const NO_FLAGS = 0x2d;

export function encodeFin(fin: Fin): Uint8Array {
  const flags = fin.close ? "c" : "-";
  return encoder.encode(`${fin.status} ${Math.max(0, Math.round(fin.firstByteMs))} ${fin.length} ${flags}`);
}

/** Undefined when it is not exactly what `encodeFin` writes. */
export function decodeFin(bytes: Uint8Array): Fin | undefined {
  if (bytes.length > FIN_MAX_BYTES) return undefined;
  const statusEnd = bytes.indexOf(SPACE);
  const firstByteEnd = bytes.indexOf(SPACE, statusEnd + 1);
  const lengthEnd = bytes.indexOf(SPACE, firstByteEnd + 1);
  const status = count(bytes, 0, statusEnd);
  const firstByteMs = count(bytes, statusEnd + 1, firstByteEnd);
  const length = count(bytes, firstByteEnd + 1, lengthEnd);
  const flags = bytes[lengthEnd + 1];
  if (status < 100 || status > 999 || firstByteMs < 0 || length < 0) return undefined;
  if (bytes.length !== lengthEnd + 2 || (flags !== CLOSE && flags !== NO_FLAGS)) return undefined;
  return { status, firstByteMs, length, close: flags === CLOSE };
}

/** A whole number in its one decimal form; -1 for anything else. Read from the bytes: it is of every request. */
function count(bytes: Uint8Array, from: number, to: number): number {
  if (to <= from || (bytes[from] === DIGIT_0 && to > from + 1)) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - DIGIT_0; // in bounds
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : -1;
}
