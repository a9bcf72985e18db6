// Ids that we give to rows: ten characters of a-z and 2-7, 50 bits, short enough to type. They name and
// never prove anything; a collision is refused by the primary key.

import type { Random } from "../world/world.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const LENGTH = 10;

export function newRowId(random: Pick<Random, "bytes">): string {
  // 256 is a multiple of 32, so the five low bits of a byte are uniform.
  return Array.from(random.bytes(LENGTH), (byte) => ALPHABET.charAt(byte & 31)).join("");
}

export function isRowId(text: string): boolean {
  return /^[a-z2-7]{10}$/.test(text);
}
