// How a session with the hub is proved, on both sides: hello → register → registered.
//
// Each side signs only what it composed: the other side's nonce and key enter as values of declared length in
// a fixed list, its own name for the hub, binding and session number come from itself. The hub checks the
// claimed address against its own names and the binding against the TLS connection it sees, so that nobody
// in between can pass a proof on; the device acts on nothing before `checkHub` has returned.

import { equalBytes } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { SessionKind, SignedFields } from "../protocol/signed.ts";
import type { Crypto, Signer } from "./crypto.ts";

/** What both sides sign, once each has put in its part. */
export type Handshake = SignedFields<"register">;

/** The hub's `hello`, parsed. */
export interface Hello {
  protocols: readonly number[];
  hubKey: Uint8Array;
  nonce: Uint8Array;
}

/** What the device itself knows, none of it from the hub. */
export interface DeviceSide {
  /** The versions it speaks; the highest common one is taken. */
  protocols: readonly number[];
  sessionKind: SessionKind;
  /** Stored before dialling; 0 where sessions are not fenced. */
  session: number;
  /** 32 fresh random bytes. */
  nonce: Uint8Array;
  /** `dialledAddress` of the URL it dialled. */
  dialled: string;
  /** The TLS exporter of its own end, or empty. */
  binding: Uint8Array;
  /** The pinned key of the hub; undefined at first sight. */
  hubKey: Uint8Array | undefined;
}

/** What the device sends in `register` to prove itself. */
export interface DeviceProof {
  handshake: Handshake;
  signature: Uint8Array;
}

/** Why a connection may come without the hub's own TLS exporter. */
export type BindingRule =
  /** It may not. */
  | { type: "required" }
  /** The hub's declared proxy ends TLS: what the device is bound to is not the hub's to see. */
  | { type: "proxy" }
  /** Plain HTTP from elsewhere, which both the hub's owner and the device's accepted with --insecure. */
  | { type: "insecure" }
  /** Both ends are on this machine, or on a local VM's bridge. */
  | { type: "loopback" }
  /** A page: the browser vouches for where it came from. `origin` is the header of the upgrade. */
  | { type: "browser"; origin: string };

/** What the hub itself knows of a connection. */
export interface HubSide {
  protocols: readonly number[];
  hubKey: Uint8Array;
  /** The nonce of the `hello` it sent on this connection. */
  nonce: Uint8Array;
  isOwnAddress(dialled: string): boolean;
  /** The TLS exporter of its own end, or empty. */
  binding: Uint8Array;
  bindingRule: BindingRule;
}

/** The part of `register` that the signature covers, parsed. */
export interface DeviceClaim {
  protocol: number;
  sessionKind: SessionKind;
  publicKey: Uint8Array;
  nonce: Uint8Array;
  session: number;
  dialled: string;
  binding: Uint8Array;
  signature: Uint8Array;
}

/**
 * Scheme, host and port as both sides write them: "https://hub.example:443". Of an http, https, ws or wss URL,
 * or an `Origin`. Throws `invalid` for anything else.
 */
export function dialledAddress(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = parsed?.protocol.replace(/^ws/, "http");
  if (parsed === undefined || (scheme !== "http:" && scheme !== "https:")) {
    throw new MusterError("invalid", `"${url.slice(0, 200)}" is no address of a hub`);
  }
  const port = parsed.port === "" ? (scheme === "https:" ? "443" : "80") : parsed.port;
  return `${scheme}//${parsed.hostname.toLowerCase()}:${port}`;
}

/** The device's side of `register`. Throws `bad_signature` when the hub is not the pinned one. */
export async function proveDevice(signer: Signer, hello: Hello, own: DeviceSide): Promise<DeviceProof> {
  if (own.hubKey !== undefined && !equalBytes(own.hubKey, hello.hubKey)) {
    throw new MusterError("bad_signature", `another hub answers at ${own.dialled}`, {
      hint: "its key is not the one this device has pinned",
    });
  }
  const handshake: Handshake = {
    sessionKind: own.sessionKind,
    protocol: highestCommon(own.protocols, hello.protocols),
    hubKey: hello.hubKey,
    hubNonce: hello.nonce,
    deviceNonce: own.nonce,
    deviceKey: signer.publicKey,
    session: own.session,
    dialled: own.dialled,
    binding: own.binding,
  };
  return { handshake, signature: await signer.sign(signedBytes("register", handshake)) };
}

/** The hub's check of `register`. Returns what was proved; `proveHub` signs that and nothing else. */
export function checkDevice(crypto: Crypto, own: HubSide, claim: DeviceClaim): Handshake {
  if (!own.protocols.includes(claim.protocol)) throw refused(`protocol ${claim.protocol} is not spoken here`);
  if (!own.isOwnAddress(claim.dialled)) {
    throw refused(`this hub is not "${claim.dialled.slice(0, 200)}"`);
  }
  const problem = bindingProblem(own, claim);
  if (problem !== undefined) throw refused(problem);
  const handshake: Handshake = {
    sessionKind: claim.sessionKind,
    protocol: claim.protocol,
    hubKey: own.hubKey,
    hubNonce: own.nonce,
    deviceNonce: claim.nonce,
    deviceKey: claim.publicKey,
    session: claim.session,
    dialled: claim.dialled,
    binding: claim.binding,
  };
  if (!crypto.verifyEd25519(claim.publicKey, signedBytes("register", handshake), claim.signature)) {
    throw new MusterError("bad_signature", "the device did not prove its key");
  }
  return handshake;
}

/** The hub's signature for `registered`, over what `checkDevice` returned. */
export function proveHub(signer: Signer, handshake: Handshake): Promise<Uint8Array> {
  return signer.sign(signedBytes("hub", handshake));
}

/** The device's check of `registered`, against the handshake that it signed itself. */
export function checkHub(crypto: Crypto, handshake: Handshake, signature: Uint8Array): void {
  if (!crypto.verifyEd25519(handshake.hubKey, signedBytes("hub", handshake), signature)) {
    throw new MusterError("bad_signature", `the hub at ${handshake.dialled} did not prove its key`);
  }
}

function highestCommon(ours: readonly number[], theirs: readonly number[]): number {
  const common = ours.filter((protocol) => theirs.includes(protocol));
  if (common.length === 0) throw refused(`the hub speaks protocol ${theirs.slice(0, 8).join(", ")} only`);
  return Math.max(...common);
}

/** In words, why the claimed binding can't be believed. */
function bindingProblem(own: HubSide, claim: DeviceClaim): string | undefined {
  const rule = own.bindingRule;
  if (rule.type === "proxy") return undefined;
  if (rule.type === "browser") {
    if (claim.binding.length !== 0) return "a browser has no TLS binding to give";
    return originProblem(rule.origin, claim.dialled);
  }
  if (claim.binding.length === 0) {
    return rule.type === "required" ? "the registration is not bound to its TLS connection" : undefined;
  }
  return sameBinding(own, claim);
}

function sameBinding(own: HubSide, claim: DeviceClaim): string | undefined {
  return equalBytes(own.binding, claim.binding)
    ? undefined
    : "the registration is bound to another TLS connection";
}

function originProblem(origin: string, dialled: string): string | undefined {
  const same = URL.canParse(origin) && new URL(origin).origin === origin && isAddress(origin, dialled);
  return same ? undefined : "the page does not come from the address it dialled";
}

function isAddress(origin: string, dialled: string): boolean {
  return /^https?:/.test(origin) && dialledAddress(origin) === dialled;
}

function refused(message: string): MusterError {
  return new MusterError("protocol_error", message);
}
