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
const decoder = new TextDecoder("latin1");
const CLOSE = "c";
const NO_FLAGS = "-";

export function encodeFin(fin: Fin): Uint8Array {
  const flags = fin.close ? CLOSE : NO_FLAGS;
  return encoder.encode(`${fin.status} ${Math.max(0, Math.round(fin.firstByteMs))} ${fin.length} ${flags}`);
}

/** Undefined when it is not exactly what `encodeFin` writes. */
export function decodeFin(bytes: Uint8Array): Fin | undefined {
  if (bytes.length > FIN_MAX_BYTES) return undefined;
  const [status, firstByteMs, length, flags, ...rest] = decoder.decode(bytes).split(" ");
  const fin = { status: count(status), firstByteMs: count(firstByteMs), length: count(length) };
  if (fin.status < 100 || fin.status > 999 || fin.firstByteMs < 0 || fin.length < 0) return undefined;
  if (rest.length > 0 || (flags !== CLOSE && flags !== NO_FLAGS)) return undefined;
  return { ...fin, close: flags === CLOSE };
}

/** A whole number in its one decimal form; -1 for anything else. */
function count(text: string | undefined): number {
  const value = Number(text);
  return text !== undefined && Number.isSafeInteger(value) && String(value) === text ? value : -1;
}
