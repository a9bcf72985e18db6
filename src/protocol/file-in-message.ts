// A file inside a message: its name and its bytes, and where they are put. The name comes from elsewhere: it
// names nothing outside the folder of received files, and nothing that is there is ever overwritten, because
// every message has a number of its own in front.
import { z } from "zod";
import { concat, fromUtf8, lv, toBase64Url, utf8 } from "./bytes.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";

export const FILE_NAME_MAX = 120;
const HEADER_MAX_BYTES = 2048;
/** Of a file that still fits into one message. */
export const MESSAGE_FILE_MAX_BYTES = RELAY_MESSAGE_MAX_BYTES - HEADER_MAX_BYTES - 4;

const header = z.object({
  name: z.string().max(1024),
  size: z.number().int().nonnegative(),
  sha256: z.string().max(64),
});

export interface FileInMessage {
  name: string;
  bytes: Uint8Array;
  sha256: string;
}

type Sha256 = (bytes: Uint8Array) => Uint8Array;

export function encodeFile(file: { name: string; bytes: Uint8Array }, sha256: Sha256): Uint8Array {
  const { name, bytes } = file;
  const about = { name: plainFileName(name), size: bytes.length, sha256: toBase64Url(sha256(bytes)) };
  return concat(lv(utf8(JSON.stringify(about))), bytes);
}

/** Undefined for what is none, or whose bytes are not those that it names. */
export function decodeFile(body: Uint8Array, sha256: Sha256): FileInMessage | undefined {
  if (body.length < 4) return undefined;
  const length = new DataView(body.buffer, body.byteOffset, 4).getUint32(0);
  if (length > HEADER_MAX_BYTES || 4 + length > body.length) return undefined;
  const read = header.safeParse(parseJson(fromUtf8(body.subarray(4, 4 + length)) ?? ""));
  const bytes = body.subarray(4 + length);
  if (!read.success || read.data.size !== bytes.length) return undefined;
  if (read.data.sha256 !== toBase64Url(sha256(bytes))) return undefined;
  return { name: plainFileName(read.data.name), bytes, sha256: read.data.sha256 };
}

/** A name for a file in one folder, on any system, that a terminal and a shell's listing show as it is. */
export function plainFileName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const plain = last
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "")
    .replaceAll(/[<>:"|?*]/g, "_")
    .replace(/^[.\s-]+/, "")
    .replace(/[.\s]+$/, "");
  const short = shorten(plain);
  // Devices of Windows, with or without an ending.
  if (/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(short)) return `_${short}`;
  return short === "" ? "file" : short;
}

function shorten(name: string): string {
  if (utf8(name).length <= FILE_NAME_MAX) return name;
  const ending = /\.[A-Za-z0-9]{1,12}$/.exec(name)?.[0] ?? "";
  let stem = name.slice(0, name.length - ending.length);
  while (utf8(stem + ending).length > FILE_NAME_MAX) stem = stem.slice(0, -1);
  return (stem + ending).toWellFormed();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no header, so no file
  }
}
