// The code that a person carries from one device to another, and the link behind its QR form.
//
//   K7-Q2MX        two letters name a mailbox at the hub, four are the secret
//   K7B-Q2MX       three name it while the hub's open pool is busy
//   HUB/pair#K7.<128-bit secret>.<maker's device id>
//
// Neither form ever travels: the hub learns the mailbox alone, and a browser does not send what follows `#`.
// The letters leave out 0 and O, 1 and I and L. Whatever is wrong with a code, the answer is one and the same.

import { fromBase64Url, toBase64Url } from "./bytes.ts";
import { MusterError } from "./errors.ts";
import { isDeviceId } from "./ids.ts";

export const PAIRING_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
export const SECRET_LETTERS = 4;
export const LINK_SECRET_BYTES = 16;
/** How long a code lives, and how long its last message is kept for sending again. */
export const PAIRING_LIFETIME_MS = 5 * 60_000;

const MAILBOX = /^[2-9A-HJKMNP-Z]{2,3}$/;
const CODE = /^([2-9A-HJKMNP-Z]{2,3})([2-9A-HJKMNP-Z]{4})$/;
/** The most that is looked at: seven letters, with blanks as a phone's keyboard adds them. */
const TYPED_MAX = 32;
const LINK_MAX = 512;

export interface PairingCode {
  /** Two or three letters; known to the hub. */
  mailbox: string;
  /** Four letters; known to the two people. */
  secret: string;
}

export interface PairingLink {
  /** URL of the hub, without a slash at its end. */
  hub: string;
  mailbox: string;
  secret: Uint8Array;
  /** Device id of the one who made it. */
  maker: string;
}

/** Four letters, each of the 31 exactly as likely as any other. */
export function drawSecretLetters(randomBytes: (length: number) => Uint8Array): string {
  const letters = PAIRING_LETTERS.length;
  // The largest multiple of 31 that a byte can hold: what lies above it would favour the first letters.
  const limit = 256 - (256 % letters);
  let drawn = "";
  while (drawn.length < SECRET_LETTERS) {
    for (const byte of randomBytes(2 * SECRET_LETTERS)) {
      if (byte < limit && drawn.length < SECRET_LETTERS) drawn += PAIRING_LETTERS.charAt(byte % letters);
    }
  }
  return drawn;
}

/** Whether the hub named a mailbox as it may: two letters, or three. */
export function isMailbox(text: string): boolean {
  return MAILBOX.test(text);
}

export function formatPairingCode(code: PairingCode): string {
  return `${code.mailbox}-${code.secret}`;
}

/** Any case, the dash or blanks anywhere. Throws `invalid`. */
export function parsePairingCode(typed: string): PairingCode {
  const letters = typed.length > TYPED_MAX ? "" : typed.replaceAll(/[-\s]/g, "");
  // Looked at before it becomes upper case: "ﬀ" would become two letters F.
  const [, mailbox, secret] = /^[0-9a-z]*$/i.test(letters) ? (CODE.exec(letters.toUpperCase()) ?? []) : [];
  if (mailbox === undefined || secret === undefined) throw codeInvalid();
  return { mailbox, secret };
}

export function formatPairingLink(link: PairingLink): string {
  if (link.secret.length !== LINK_SECRET_BYTES) throw new RangeError("the secret of a link has 16 bytes");
  return `${link.hub}/pair#${link.mailbox}.${toBase64Url(link.secret)}.${link.maker}`;
}

/** The whole link, as a camera reads it. Throws `invalid`. */
export function parsePairingLink(text: string): PairingLink {
  const url = text.length <= LINK_MAX && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw linkInvalid();
  if (url.pathname !== "/pair" || url.search !== "" || url.username + url.password !== "")
    throw linkInvalid();
  return { hub: url.origin, ...parsePairingFragment(url.hash) };
}

/** What follows the `#`, with or without it, as the hub's page finds it. Throws `invalid`. */
export function parsePairingFragment(fragment: string): Omit<PairingLink, "hub"> {
  const parts = fragment.length > LINK_MAX ? [] : fragment.replace(/^#/, "").split(".");
  const [mailbox, secretText, maker] = parts;
  if (parts.length !== 3 || mailbox === undefined || secretText === undefined || maker === undefined) {
    throw linkInvalid();
  }
  const secret = fromBase64Url(secretText);
  if (!isMailbox(mailbox) || secret?.length !== LINK_SECRET_BYTES || !isDeviceId(maker)) throw linkInvalid();
  return { mailbox, secret, maker };
}

function codeInvalid(): MusterError {
  return new MusterError("invalid", "that is no pairing code", {
    hint: "a code looks like K7-Q2MX; make one with `muster pair` on the other device",
  });
}

function linkInvalid(): MusterError {
  return new MusterError("invalid", "that is no pairing link", {
    hint: "scan the QR code that `muster pair` shows, or type the letters beside it",
  });
}
