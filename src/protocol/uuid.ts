// UUIDs of version 7 (RFC 9562, 5.7): 48 bits of milliseconds since the epoch, the rest random. Their text sorts by time.
import { toHex } from "./bytes.ts";

/** `random`: 10 bytes. */
export function uuidV7(nowMs: number, random: Uint8Array): string {
  const hex =
    Math.max(0, Math.floor(nowMs)).toString(16).padStart(12, "0").slice(-12) + toHex(random).slice(0, 20);
  const variant = (Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80;
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `7${hex.slice(13, 16)}`,
    variant.toString(16) + hex.slice(18, 20),
    hex.slice(20),
  ].join("-");
}

/** When `id` was made, by the clock of whoever made it. */
export function uuidV7Ms(id: string): number {
  return Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
}
