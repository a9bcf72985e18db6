// The device id: the short form of a key for people to read and compare. Decisions compare the 32-byte key;
// an id is never enough to tell two devices apart in a check.
//
// It is the first 140 bits of SHA-256(public key) in RFC 4648 base32, lower case (a-z 2-7, so no 0, 1, 8, 9),
// as four groups of seven: "abcdefg-hijklmn-opqrstu-vwxyz23".

import { packBits } from "./bytes.ts";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const GROUP = 7;
const LENGTH = 4 * GROUP;
const PATTERN = /^[a-z2-7]{7}(?:-[a-z2-7]{7}){3}$/;

/** `digest` is SHA-256 of the public key. */
export function deviceIdOf(digest: Uint8Array): string {
  if (digest.length !== 32) throw new RangeError(`a device id is made of 32 bytes, not ${digest.length}`);
  const letters = packBits(digest, 5, BASE32).slice(0, LENGTH);
  const groups: string[] = [];
  for (let at = 0; at < LENGTH; at += GROUP) groups.push(letters.slice(at, at + GROUP));
  return groups.join("-");
}

export function isDeviceId(text: string): boolean {
  return PATTERN.test(text);
}

/** Fewer letters of an id are more likely a name that was mistyped. */
const BEGINNING_MIN = 4;

/** Whether a person typed the beginning of this id. */
export function beginsId(id: string, typed: string): boolean {
  return typed.length >= BEGINNING_MIN && id.startsWith(typed.toLowerCase());
}

/** What a person typed: any case, dashes or blanks anywhere. Undefined when it can't be an id. */
export function parseDeviceId(text: string): string | undefined {
  if (text.length > 4 * LENGTH) return undefined;
  const letters = text.toLowerCase().replaceAll(/[-\s]/g, "");
  const id = letters.replaceAll(/(.{7})(?=.)/g, "$1-");
  return isDeviceId(id) ? id : undefined;
}
