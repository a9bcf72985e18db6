// Who may open a service of a device, as text that hub and device both check and neither can make.
//
//   ticket   a controller's signature: this key may open that service of that device. With a host and the nonce of a
//            cookie for a browser, once and within a minute; without them for a program, for as long as it says
//   pass     the device's own signature, which a browser keeps as its cookie for one host once its ticket was taken
//
// Neither is worth anything after the key has left the owner log: whoever checks one says which keys it trusts now, and
// words of others are not even looked at.
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { signedBytes } from "../protocol/signed.ts";
import { decodeTicket, encodeTicket, TICKET_LIFETIME_MS, type TicketClaims } from "../protocol/ticket.ts";
import type { Crypto, Signer } from "./crypto.ts";

/** One service, whatever its device is called now. */
export interface ServiceAt {
  deviceId: string;
  service: string;
}

export const PROGRAM_TICKET_MAX_MS = 30 * 86_400_000;
export const PASS_LIFETIME_MS = 12 * 3_600_000;
/** What a program's ticket says in the place of a host. No host is called so. */
const NO_HOST = "program";
const PREFIX = "mtk1_";
const KEY_BYTES = 32;

/** Whose word it is; 32 bytes each. */
export interface Vouched {
  key: Uint8Array;
  nonce: Uint8Array;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export function ticketShare({ deviceId, service }: ServiceAt): string {
  return `service:${deviceId}/${service}`;
}

/** For a program: whoever has the text may open the service until then. */
export async function signProgramTicket(
  signer: Signer,
  at: ServiceAt,
  { nonce, expiresAt }: { nonce: Uint8Array; expiresAt: number },
): Promise<string> {
  const visitor = toBase64Url(signer.publicKey);
  const claims: TicketClaims = { share: ticketShare(at), host: NO_HOST, visitor, nonce, expiresAt };
  return PREFIX + encodeTicket(claims, await signer.sign(signedBytes("ticket", claims)));
}

type Verify = Pick<Crypto, "verifyEd25519">;
/** Whether the owner log lets this key command, at this moment. */
export type Trusts = (key: Uint8Array) => boolean;

/** Undefined for what is none for this service, or not now. */
export function readProgramTicket(
  crypto: Verify,
  given: { text: string; at: ServiceAt; nowMs: number; trusts: Trusts },
): Vouched | undefined {
  const { text, nowMs } = given;
  if (!text.startsWith(PREFIX)) return undefined;
  const claims = readTicket(crypto, { ...given, text: text.slice(PREFIX.length), host: NO_HOST });
  // The clock of whoever signed it may be ahead.
  const latest = nowMs + PROGRAM_TICKET_MAX_MS + TICKET_LIFETIME_MS;
  return claims !== undefined && claims.expiresAt > nowMs && claims.expiresAt <= latest ? claims : undefined;
}

/** The ticket with which a browser comes to the service's `host`. That its nonce is the cookie's the caller sees to. */
export function readBrowserTicket(
  crypto: Verify,
  given: { text: string; at: ServiceAt; host: string; nowMs: number; trusts: Trusts },
): Vouched | undefined {
  const { nowMs } = given;
  const claims = readTicket(crypto, given);
  const latest = nowMs + 2 * TICKET_LIFETIME_MS;
  return claims !== undefined && claims.expiresAt > nowMs && claims.expiresAt <= latest ? claims : undefined;
}

function readTicket(
  crypto: Verify,
  { text, at, host, trusts }: { text: string; at: ServiceAt; host: string; trusts: Trusts },
): Vouched | undefined {
  const ticket = decodeTicket(text);
  if (ticket === undefined) return undefined;
  const { claims, signature } = ticket;
  const key = fromBase64Url(claims.visitor);
  if (key?.length !== KEY_BYTES || claims.share !== ticketShare(at) || claims.host !== host) return undefined;
  if (!trusts(key) || !crypto.verifyEd25519(key, signedBytes("ticket", claims), signature)) return undefined;
  return { key, nonce: claims.nonce, expiresAt: claims.expiresAt };
}

/** Text of a cookie: whole seconds of its end, key and nonce of the ticket, the device's signature. */
export async function signPass(
  device: Signer,
  place: ServiceAt & { host: string },
  vouched: Vouched,
): Promise<string> {
  const expiry = Math.floor(vouched.expiresAt / 1000).toString(36);
  const { key, nonce } = vouched;
  const signature = await device.sign(passBytes(place, { key, nonce, expiresAt: secondsOf(expiry) * 1000 }));
  return [expiry, toBase64Url(key), toBase64Url(nonce), toBase64Url(signature)].join(".");
}

/** Undefined for what that device never gave for this host, or not for now. */
export function readPass(
  crypto: Verify,
  given: {
    text: string;
    place: ServiceAt & { host: string };
    deviceKey: Uint8Array;
    nowMs: number;
    trusts: Trusts;
  },
): Vouched | undefined {
  const [expiry = "", keyText = "", nonceText = "", mark = "", ...rest] = given.text.split(".");
  const key = fromBase64Url(keyText);
  const nonce = fromBase64Url(nonceText);
  const signature = fromBase64Url(mark);
  if (rest.length > 0 || key?.length !== KEY_BYTES || nonce?.length !== 32) return undefined;
  if (signature?.length !== 64 || !/^[0-9a-z]{1,8}$/.test(expiry)) return undefined;
  const expiresAt = secondsOf(expiry) * 1000;
  if (expiresAt <= given.nowMs || expiresAt > given.nowMs + PASS_LIFETIME_MS + TICKET_LIFETIME_MS)
    return undefined;
  const vouched = { key, nonce, expiresAt };
  if (!given.trusts(key)) return undefined;
  return crypto.verifyEd25519(given.deviceKey, passBytes(given.place, vouched), signature)
    ? vouched
    : undefined;
}

/** As a ticket's, but for a name that no ticket has. */
function passBytes(place: ServiceAt & { host: string }, { key, nonce, expiresAt }: Vouched): Uint8Array {
  const share = `pass:${place.deviceId}/${place.service}`;
  return signedBytes("ticket", { share, host: place.host, visitor: toBase64Url(key), nonce, expiresAt });
}

function secondsOf(expiry: string): number {
  return Number.parseInt(expiry, 36);
}

/** Words that were found right are known again: a signature takes 100 µs and comes with every request. */
const KNOWN_MAX = 1024;

export class VouchedWords {
  readonly #crypto: Verify;
  readonly #known = new Map<string, Vouched>();

  constructor(crypto: Verify) {
    this.#crypto = crypto;
  }

  programTicket(given: Parameters<typeof readProgramTicket>[1]): Vouched | undefined {
    return this.#recall(`${ticketShare(given.at)}\n${given.text}`, given, () =>
      readProgramTicket(this.#crypto, given),
    );
  }

  pass(given: Parameters<typeof readPass>[1]): Vouched | undefined {
    const { place, deviceKey, text } = given;
    const bound = `${ticketShare(place)}\n${place.host}\n${toBase64Url(deviceKey)}\n${text}`;
    return this.#recall(bound, given, () => readPass(this.#crypto, given));
  }

  #recall(
    bound: string,
    { nowMs, trusts }: { nowMs: number; trusts: Trusts },
    read: () => Vouched | undefined,
  ): Vouched | undefined {
    const known = this.#known.get(bound);
    if (known !== undefined) return known.expiresAt > nowMs && trusts(known.key) ? known : undefined;
    const found = read();
    if (found === undefined) return undefined;
    if (this.#known.size === KNOWN_MAX) this.#known.clear();
    this.#known.set(bound, found);
    return found;
  }
}
