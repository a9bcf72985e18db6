// The client's half of the handshake, on the wire: takes `hello`, writes `register`, checks `registered`.
// What is signed and why is in identity/session.ts; here it only gets its message form.
import type { Crypto, Signer } from "../identity/crypto.ts";
import { checkHub, dialledAddress, proveDevice } from "../identity/session.ts";
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { PROTOCOL_VERSION } from "../protocol/messages.ts";
import type { SessionKind } from "../protocol/signed.ts";
import type { DeviceKind } from "../protocol/views.ts";
import type { Prove } from "./connection.ts";

export interface ProveOptions {
  crypto: Crypto;
  signer: Signer;
  sessionKind: SessionKind;
  /** Of a "register", raised durably before dialling; absent for kinds that are not fenced. */
  session?: number;
  /** The TLS exporter of this end; absent where a client cannot see its TLS (WebSockets), and on loopback. */
  binding?: Uint8Array;
  /** The URL that is dialled. */
  url: string;
  /** The pinned key of the hub; undefined at first sight. */
  hubKey: Uint8Array | undefined;
  /** Told once the hub has proved its key. */
  proved?(hubKey: Uint8Array): void;
  name: string;
  platform: string;
  kind: DeviceKind;
  version: string;
  /** Where the device stands, for lists. */
  location?: string;
}

/** Answers a hub's greeting with this key, and checks that the hub proves its own. */
export function keyProver(options: ProveOptions): Prove {
  return async (hello) => {
    const { handshake, signature } = await proveDevice(
      options.signer,
      { protocols: hello.protocol, hubKey: key(hello.hub_key), nonce: key(hello.nonce) },
      {
        protocols: [PROTOCOL_VERSION],
        sessionKind: options.sessionKind,
        session: options.session ?? 0,
        nonce: options.crypto.randomBytes(32),
        dialled: dialledAddress(options.url),
        binding: options.binding ?? new Uint8Array(0),
        hubKey: options.hubKey,
      },
    );
    return {
      register: {
        type: "register",
        session_kind: handshake.sessionKind,
        protocol: handshake.protocol,
        public_key: toBase64Url(handshake.deviceKey),
        nonce: toBase64Url(handshake.deviceNonce),
        session: handshake.session,
        dialled: handshake.dialled,
        binding: toBase64Url(handshake.binding),
        name: options.name,
        platform: options.platform,
        kind: options.kind,
        version: options.version,
        ...(options.location === undefined ? {} : { location: options.location }),
        signature: toBase64Url(signature),
      },
      check(registered) {
        const proof = fromBase64Url(registered.signature) ?? new Uint8Array(0);
        checkHub(options.crypto, handshake, proof);
        options.proved?.(handshake.hubKey);
      },
    };
  };
}

/** A key or nonce: 32 bytes, nothing else. */
function key(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes?.length !== 32)
    throw new MusterError("protocol_error", "the hub's greeting holds a key or nonce of the wrong length");
  return bytes;
}
