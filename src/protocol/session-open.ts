// How a stream that carries a session between two devices is opened: by a client towards its hub, with the device
// that it wants; by the hub towards that device, with the key that it says is asking. Neither is believed of the
// hub: inside, both ends prove their link keys.
//
//   "session" LF purpose LF device id, or key of the caller in base64url
//   "session" LF "file" or "stream" LF key of the paired device, or of the caller, in base64url

import { fromBase64Url, toBase64Url, utf8 } from "./bytes.ts";
import { isDeviceId } from "./ids.ts";

/**
 * `command`: a sealed session of a controller. `log`: entries of the owner log, which prove themselves, for a
 * device that does not know its caller yet. `file`, `stream`: a sealed session between two that are paired, for a
 * file or for whatever two programs have to say.
 */
export const SESSION_PURPOSES = ["command", "log", "file", "stream"] as const;
export type SessionPurpose = (typeof SESSION_PURPOSES)[number];
/** Those by which an owner's devices reach each other. */
export type DevicePurpose = Exclude<SessionPurpose, PairPurpose>;
/** Those by which paired devices do. */
export type PairPurpose = "file" | "stream";

export type SessionWish =
  | { purpose: DevicePurpose; deviceId: string }
  /** Of the paired device, base64url. */
  | { purpose: PairPurpose; peerKey: string };

/** Why a stream was dropped, beside the trunk's own codes (which end below 16). */
export const SESSION_RESET = {
  offline: 16,
  /** There is no such device, or it is another owner's: the same for both. */
  unknownDevice: 17,
  tooMany: 18,
  /** The device's owner log does not know the caller; of a file: the device has not pinned it. */
  unknownCaller: 19,
} as const;

const PREFIX = "session\n";
const OPEN_MAX_CHARACTERS = 200;

export function encodeSessionWish(purpose: DevicePurpose, deviceId: string): Uint8Array {
  return utf8(`${PREFIX}${purpose}\n${deviceId}`);
}

/** `peerKey` in base64url. */
export function encodeFileWish(peerKey: string): Uint8Array {
  return utf8(`${PREFIX}file\n${peerKey}`);
}

/** `peerKey` in base64url. */
export function encodeStreamWish(peerKey: string): Uint8Array {
  return utf8(`${PREFIX}stream\n${peerKey}`);
}

export function isPairPurpose(purpose: SessionPurpose): purpose is PairPurpose {
  return purpose === "file" || purpose === "stream";
}

export function encodeSessionCall(purpose: SessionPurpose, callerKey: Uint8Array): Uint8Array {
  return utf8(`${PREFIX}${purpose}\n${toBase64Url(callerKey)}`);
}

/** Whether a stream is meant to be one of these at all. */
export function isSessionOpen(payload: Uint8Array): boolean {
  return PREFIX.split("").every((character, at) => payload[at] === character.charCodeAt(0));
}

/** What a client asks its hub for; undefined when it can't be read. */
export function readSessionWish(payload: Uint8Array): SessionWish | undefined {
  const read = readLines(payload);
  if (read === undefined) return undefined;
  const { purpose, who } = read;
  if (!isPairPurpose(purpose)) return isDeviceId(who) ? { purpose, deviceId: who } : undefined;
  return fromBase64Url(who)?.length === 32 ? { purpose, peerKey: who } : undefined;
}

/** What a hub says to a device; undefined when it can't be read. */
export function readSessionCall(
  payload: Uint8Array,
): { purpose: SessionPurpose; callerKey: Uint8Array } | undefined {
  const read = readLines(payload);
  const callerKey = read === undefined ? undefined : fromBase64Url(read.who);
  return read !== undefined && callerKey?.length === 32 ? { purpose: read.purpose, callerKey } : undefined;
}

function readLines(payload: Uint8Array): { purpose: SessionPurpose; who: string } | undefined {
  if (!isSessionOpen(payload) || payload.length > OPEN_MAX_CHARACTERS) return undefined;
  const [purpose, who, ...rest] = new TextDecoder("latin1").decode(payload).slice(PREFIX.length).split("\n");
  const known = SESSION_PURPOSES.find((one) => one === purpose);
  return known === undefined || who === undefined || rest.length > 0 ? undefined : { purpose: known, who };
}
