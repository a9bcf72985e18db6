// What both sides of a pairing compute from the same things, each by itself: the input of CPace, the transcript,
// the keys that come of it, and the answer to whatever goes wrong, which is one and the same.

import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, fromBase64Url, lv, toBase64Url, u64, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { PAIRING_LIFETIME_MS } from "../../protocol/pairing-code.ts";
import { pairingSide } from "../../protocol/pairing-messages.ts";
import type { PairingSide, PairingWay } from "../../protocol/pairing-messages.ts";
import { safetyWords } from "../../protocol/safety-words.ts";
import type { DeviceKind } from "../../protocol/views.ts";
import type { Clock } from "../../world/world.ts";
import type { Crypto, Signer } from "../crypto.ts";
import type { CpaceInput, CpaceSent } from "./cpace.ts";

export type PairingRole = "maker" | "joiner";

/** What one side brings to a run. */
export interface PairingOptions {
  crypto: Crypto;
  clock: Clock;
  signer: Signer;
  /** The pinned key of the hub whose mailbox is used. */
  hubKey: Uint8Array;
  mailbox: string;
  /** The protocol version both speak. */
  version: number;
  own: {
    linkKey: Uint8Array;
    /** The public half of the first receive key made for this peer. */
    receiveKey: Uint8Array;
    nickname: string;
    kind: DeviceKind;
  };
}

/** The other side, proved: what is pinned. */
export interface PairedPeer {
  identityKey: Uint8Array;
  linkKey: Uint8Array;
  receiveKey: Uint8Array;
  /** Computed from the identity key, never heard from the hub. */
  deviceId: string;
  /** What it calls itself: text from elsewhere. */
  nickname: string;
  kind: DeviceKind;
  /** Five words to compare; kept with the pin. */
  safetyWords: string[];
}

/** The keys of a finished exchange, the transcript they belong to, and nothing else of it. */
export interface PairingKeys {
  transcript: Uint8Array;
  makerTag: Uint8Array;
  joinerTag: Uint8Array;
  safety: Uint8Array;
}

/** The one answer to a wrong code, a lost peer, a forged message, a second try and a code that is over. */
export function pairingFailed(): MusterError {
  return new MusterError("pairing_failed", "That did not finish. Make a new code.", {
    hint: "run `muster pair` again on the other device; each code works for one try",
  });
}

export function cpaceInput(
  options: PairingOptions,
  run: { way: PairingWay; secret: Uint8Array; makerHalf: string; joinerHalf: string },
): CpaceInput {
  const channel = [
    utf8("muster/v1/pair"),
    options.hubKey,
    utf8(options.mailbox),
    utf8(run.way),
    u64(options.version),
  ];
  return {
    secret: run.secret,
    channel: concat(...channel.map(lv)),
    session: concat(bytesOf(run.makerHalf), bytesOf(run.joinerHalf)),
  };
}

export function ownSide(options: PairingOptions): PairingSide {
  const { linkKey, receiveKey, nickname, kind } = options.own;
  const side = pairingSide.safeParse({
    identity_key: toBase64Url(options.signer.publicKey),
    link_key: toBase64Url(linkKey),
    receive_key: toBase64Url(receiveKey),
    nickname,
    kind,
  });
  if (side.success) return side.data;
  throw new MusterError("invalid", `cannot pair as "${nickname.slice(0, 64)}": keys or name do not fit`);
}

/** What one side sent, in the form that the key is bound to (ADa, ADb). */
export function sentBy(role: PairingRole, share: string, side: PairingSide): CpaceSent {
  const fields = [
    utf8(role),
    bytesOf(side.identity_key),
    bytesOf(side.link_key),
    bytesOf(side.receive_key),
    utf8(side.nickname),
    utf8(side.kind),
  ];
  return { share: bytesOf(share), data: concat(...fields.map(lv)) };
}

/** Takes the ISK and wipes it. */
export function pairingKeys(
  isk: Uint8Array,
  run: { input: CpaceInput; maker: CpaceSent; joiner: CpaceSent },
): PairingKeys {
  const { input, maker, joiner } = run;
  const parts = [input.channel, input.session, maker.share, maker.data, joiner.share, joiner.data];
  const transcript = sha512(concat(...[utf8("muster/v1/pair transcript"), ...parts].map(lv)));
  const derive = (purpose: string, length: number): Uint8Array =>
    hkdf(sha512, isk, transcript, utf8(`muster/v1/pair ${purpose}`), length);
  const keys = {
    transcript,
    makerTag: derive("maker tag", 64),
    joinerTag: derive("joiner tag", 64),
    safety: derive("safety", 32),
  };
  isk.fill(0);
  return keys;
}

export function tagOf(role: PairingRole, keys: PairingKeys): Uint8Array {
  return hmac(sha512, role === "maker" ? keys.makerTag : keys.joinerTag, keys.transcript);
}

export function wipe(keys: PairingKeys): void {
  for (const key of [keys.makerTag, keys.joinerTag, keys.safety]) key.fill(0);
}

export function peerOf(crypto: Crypto, side: PairingSide, keys: PairingKeys): PairedPeer {
  const identityKey = bytesOf(side.identity_key);
  return {
    identityKey,
    linkKey: bytesOf(side.link_key),
    receiveKey: bytesOf(side.receive_key),
    deviceId: deviceIdOf(crypto.sha256(identityKey)),
    nickname: side.nickname,
    kind: side.kind,
    safetyWords: safetyWords(keys.safety),
  };
}

/** Of text that a schema has checked. */
export function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new RangeError("the schema let through what is no base64url");
  return bytes;
}

/**
 * Tells whether a code is over. By both clocks: the steady one stands still while a machine sleeps, the other
 * may be set back.
 */
export function pairingExpiry(clock: Clock): () => boolean {
  const [steady, wall] = [clock.monotonic(), clock.now()];
  return () => clock.monotonic() - steady >= PAIRING_LIFETIME_MS || clock.now() - wall >= PAIRING_LIFETIME_MS;
}
