// The keys of one device or CLI and the file that keeps them. Three kinds, none made from another: the identity
// key only signs, the link key opens live sessions, receive keys open stored messages.
//
// The file names the machine it was made on. Its reader compares that mark first: a copied home must not
// become a second machine with the same key.

import { z } from "zod";
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { Secret } from "./secret.ts";

/** Receive keys that may still open something that is on its way; a new one daily, kept for 8 days. */
const RECEIVE_KEYS_MAX = 64;

export interface Keys {
  /** Opaque mark of the machine (machine-id, cloud instance id). */
  readonly machine: string;
  /** Ed25519 seed. */
  readonly identity: Secret<Uint8Array>;
  /** X25519 secret. */
  readonly link: Secret<Uint8Array>;
  /** X25519 secrets, newest last. */
  readonly receive: readonly Secret<Uint8Array>[];
}

const secret32 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const keyFile = z.strictObject({
  version: z.literal(1),
  machine: z.string().max(256),
  identity: secret32,
  link: secret32,
  receive: z.array(secret32).min(1).max(RECEIVE_KEYS_MAX),
});

export function makeKeys(crypto: Crypto, machine: string): Keys {
  return {
    machine,
    identity: new Secret(crypto.randomBytes(32)),
    link: new Secret(crypto.randomBytes(32)),
    receive: [new Secret(crypto.randomBytes(32))],
  };
}

export function signerOf(crypto: Crypto, keys: Keys): Signer {
  return crypto.ed25519Signer(keys.identity.reveal());
}

/** The public half of the link key. */
export function linkKeyOf(crypto: Crypto, keys: Keys): Uint8Array {
  return crypto.x25519PublicKey(keys.link.reveal());
}

/** The text to store, 0600. It holds every secret half. */
export function formatKeyFile(keys: Keys): Secret<string> {
  const file: z.infer<typeof keyFile> = {
    version: 1,
    machine: keys.machine,
    identity: toBase64Url(keys.identity.reveal()),
    link: toBase64Url(keys.link.reveal()),
    receive: keys.receive.map((key) => toBase64Url(key.reveal())),
  };
  return new Secret(`${JSON.stringify(file, null, 2)}\n`);
}

/** Throws `state_corrupt`, without a word of what the file holds. */
export function parseKeyFile(text: string): Keys {
  const parsed = keyFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new MusterError("state_corrupt", "the key file is damaged or of another version", {
      hint: "restore it from a backup, or set the home aside and join again",
    });
  }
  const { machine, identity, link, receive } = parsed.data;
  return { machine, identity: secretOf(identity), link: secretOf(link), receive: receive.map(secretOf) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused below, like every other damage
  }
}

/** Of text that the schema has checked. */
function secretOf(text: string): Secret<Uint8Array> {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new RangeError("the schema let through what is no base64url");
  return new Secret(bytes);
}
