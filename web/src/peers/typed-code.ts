// What a person has typed or pasted where a pairing code goes: letters in any case, with or without the dash, or
// the whole link behind a QR code. Said while they type, so that a code is not spent on a slip of the finger.
import { publicError } from "../../../src/protocol/errors.ts";
import { parsePairingCode, parsePairingLink } from "../../../src/protocol/pairing-code.ts";

export type TypedCode =
  | { is: "empty" }
  /** So far it can become one. */
  | { is: "begun" }
  /** A code or a link, as the library takes it. */
  | { is: "whole"; text: string }
  | { is: "wrong"; why: string };

/** Seven at most; what is longer is no code. */
const LETTERS_MAX = 7;
const LETTERS_LEAST = 6;

export function readTypedCode(typed: string, isOwnHub: (origin: string) => boolean): TypedCode {
  const text = typed.trim();
  if (text === "") return { is: "empty" };
  if (/^https?:/i.test(text)) return readLink(text, isOwnHub);
  const letters = text.replaceAll(/[-\s]/g, "").toUpperCase();
  const strange = /[^2-9A-HJKMNP-Z]/.exec(letters)?.[0];
  if (strange !== undefined) {
    const twins = /[01OIL]/.test(strange) ? "; 0, O, 1, I and L are left out because they look alike" : "";
    return { is: "wrong", why: `No code has “${strange}” in it${twins}.` };
  }
  if (letters.length > LETTERS_MAX) return { is: "wrong", why: "A code has six or seven characters." };
  if (letters.length < LETTERS_LEAST) return { is: "begun" };
  return readWith(() => parsePairingCode(text), text);
}

function readLink(text: string, isOwnHub: (origin: string) => boolean): TypedCode {
  const read = readWith(() => parsePairingLink(text), text);
  if (read.is !== "whole" || isOwnHub(new URL(text).origin)) return read;
  return { is: "wrong", why: `This link is of another hub, ${new URL(text).host}: open it there.` };
}

function readWith(parse: () => unknown, text: string): TypedCode {
  try {
    parse();
    return { is: "whole", text };
  } catch (error) {
    return { is: "wrong", why: `${publicError(error).message}.` };
  }
}
