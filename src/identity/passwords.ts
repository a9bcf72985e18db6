// Passwords that the program makes: 60 bits, so that they need no lock-out, in letters that survive being read
// aloud: Crockford's base32 without i, l, o and u, in three groups of four ("k7qm-2xw9-bt4n").

import { packBits } from "../protocol/bytes.ts";
import type { RandomBytes } from "./crypto.ts";
import { Secret } from "./secret.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS = 12;
const GROUP = 4;

export function makePassword(randomBytes: RandomBytes): Secret<string> {
  // 64 random bits, of which the first 60 are used: five to a character, so no character is likelier.
  const characters = packBits(randomBytes(8), 5, ALPHABET).slice(0, CHARACTERS);
  const groups: string[] = [];
  for (let at = 0; at < CHARACTERS; at += GROUP) groups.push(characters.slice(at, at + GROUP));
  return new Secret(groups.join("-"));
}

/** What a person typed, as it was made: any case, blanks or dashes; o for 0, i and l for 1. */
export function readMadePassword(typed: string): string {
  if (typed.length > 64) return typed;
  const characters = typed
    .toLowerCase()
    .replaceAll(/[-\s]/g, "")
    .replaceAll("o", "0")
    .replaceAll(/[il]/g, "1");
  if (!/^[0-9a-hjkmnp-tv-z]{12}$/.test(characters)) return typed;
  return characters.replaceAll(/(.{4})(?=.)/g, "$1-");
}
