// The login link, HUB/#login.<id>.<secret>: signs one browser in, once. Both parts stand after the #, so they
// reach no server and no log by being opened, and a preview spends nothing. The hub keeps only a hash.

import { concat, fromBase64Url, lv, toBase64Url, utf8 } from "../protocol/bytes.ts";
import type { Crypto } from "./crypto.ts";
import { Secret } from "./secret.ts";

const ID_BYTES = 9;
const SECRET_BYTES = 32;
const FRAGMENT = /^#?login\.([A-Za-z0-9_-]{12})\.([A-Za-z0-9_-]{43})$/;

export interface LoginLink {
  /** For look-up; not secret. */
  id: string;
  secret: Secret<string>;
}

export function makeLoginLink(crypto: Crypto): LoginLink {
  return {
    id: toBase64Url(crypto.randomBytes(ID_BYTES)),
    secret: new Secret(toBase64Url(crypto.randomBytes(SECRET_BYTES))),
  };
}

/** The whole link holds the secret, so it is one. `hubUrl` is the page's address. */
export function loginLinkUrl(hubUrl: string, link: LoginLink): Secret<string> {
  return new Secret(`${hubUrl.replace(/\/$/, "")}/#login.${link.id}.${link.secret.reveal()}`);
}

/** Of an address bar's fragment ("#login.…") or a whole link. Undefined when it is none. */
export function parseLoginLink(text: string): LoginLink | undefined {
  const found = FRAGMENT.exec(text.slice(Math.max(text.indexOf("#"), 0)));
  const [, id, secret] = found ?? [];
  if (id === undefined || secret === undefined || fromBase64Url(secret) === undefined) return undefined;
  return { id, secret: new Secret(secret) };
}

/** What the hub stores and compares, in constant time. The secret has 256 bits, so a plain hash is enough. */
export function loginLinkHash(crypto: Crypto, link: LoginLink): Uint8Array {
  const parts = ["muster/v1/login link", link.id, link.secret.reveal()];
  return crypto.sha256(concat(...parts.map((part) => lv(utf8(part)))));
}
