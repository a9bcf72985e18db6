// The cookie that says a visitor may see one share: under its name only, until it expires, as long as the
// password is the same. Nothing is kept of it here; the device's own key vouches for it.
//
//   <expiry, seconds since the epoch, base 36> "." base64url(HMAC-SHA256(device key, all it is bound to))

import { timingSafeEqual } from "node:crypto";
import { cookieValue } from "../../http1/cookies.ts";
import { field } from "../../http1/field.ts";
import type { Field } from "../../http1/field.ts";
import { utf8 } from "../../protocol/bytes.ts";
import type { Open } from "../../protocol/open.ts";
import type { ShareTarget } from "./share-target.ts";

export type HmacSha256 = (key: Uint8Array, bytes: Uint8Array) => Uint8Array;

export interface DeviceKey {
  /** 32 bytes that never leave the device. */
  readonly key: Uint8Array;
  readonly hmacSha256: HmacSha256;
}

const DAY_MS = 86_400_000;
const COOKIE_DAYS = 30;
/** The names of quick tunnels are given to others afterwards. */
const QUICK_COOKIE_MS = 12 * 3_600_000;

const SHARE_COOKIE = "muster-share";
const NONCE_COOKIE = "muster-nonce";
const SERVICE_COOKIE = "muster-service";
/** Browsers take it only over TLS, for this very host and no path below. */
const HOST_PREFIX = "__Host-";

/** Ours end at the gateway, whichever share set them. */
export function isOurCookie(name: string): boolean {
  const plain = name.startsWith(HOST_PREFIX) ? name.slice(HOST_PREFIX.length) : name;
  return plain === SHARE_COOKIE || plain === NONCE_COOKIE || plain === SERVICE_COOKIE;
}

/** Cookies that were found right are known again without an HMAC, which with its text forms costs 2 µs. */
const RIGHT_KEPT = 1_024;

/** Tells a visitor's cookie. */
export class ShareCookies {
  readonly #device: DeviceKey;
  /** Each with all that it is bound to. */
  readonly #right = new Set<string>();

  constructor(device: DeviceKey) {
    this.#device = device;
  }

  admit(
    { share, open, fields }: { share: ShareTarget; open: Open; fields: readonly Field[] },
    nowMs: number,
  ): boolean {
    for (const each of fields) {
      if (each.lower !== "cookie") continue;
      const value = cookieValue(each.value, cookieName(SHARE_COOKIE, open));
      if (value !== undefined && this.#isValid({ share, open, value }, nowMs)) return true;
    }
    return false;
  }

  #isValid(
    { share, open, value }: { share: ShareTarget; open: Open; value: string },
    nowMs: number,
  ): boolean {
    const dot = value.indexOf(".");
    const expiry = value.slice(0, Math.max(0, dot));
    const expiresAt = Number.parseInt(expiry, 36) * 1000;
    // Compared with "not later than" so that NaN is refused too.
    if (!(expiresAt > nowMs) || expiresAt > nowMs + COOKIE_DAYS * DAY_MS) return false;
    const bound = `${boundTo({ share, open, expiry })}\n${value}`;
    if (this.#right.has(bound)) return true;
    const given = Buffer.from(value.slice(dot + 1), "latin1");
    const right = Buffer.from(macOf(this.#device, { share, open, expiry }), "latin1");
    if (given.length !== right.length || !timingSafeEqual(given, right)) return false;
    if (this.#right.size === RIGHT_KEPT) this.#right.clear();
    this.#right.add(bound);
    return true;
  }
}

/** The field that sets it. */
export function shareCookie(
  device: DeviceKey,
  { share, open }: { share: ShareTarget; open: Open },
  nowMs: number,
): Field {
  const lifetimeMs = open.link === "quick" ? QUICK_COOKIE_MS : COOKIE_DAYS * DAY_MS;
  // Rounded down, so that it is never valid for longer than allowed.
  const expiry = Math.floor((nowMs + lifetimeMs) / 1000).toString(36);
  const value = `${expiry}.${macOf(device, { share, open, expiry })}`;
  return setCookie(SHARE_COOKIE, { value, open, lifetimeMs });
}

function macOf(
  device: DeviceKey,
  { share, open, expiry }: { share: ShareTarget; open: Open; expiry: string },
): string {
  const mac = device.hmacSha256(device.key, utf8(boundTo({ share, open, expiry })));
  return Buffer.from(mac).toString("base64url");
}

/** None of these can hold a line break, so no two sets of them make the same text. */
function boundTo({ share, open, expiry }: { share: ShareTarget; open: Open; expiry: string }): string {
  return `muster/v1/share-cookie\n${share.id}\n${open.host.toLowerCase()}\n${share.access}\n${share.passwordVersion}\n${expiry}`;
}

export function nonceCookie(value: string, open: Open, lifetimeMs: number): Field {
  return setCookie(NONCE_COOKIE, { value, open, lifetimeMs });
}

export function nonceCookieValue(fields: readonly Field[], open: Open): string | undefined {
  const name = cookieName(NONCE_COOKIE, open);
  for (const each of fields) {
    const value = each.lower === "cookie" ? cookieValue(each.value, name) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

function setCookie(
  name: string,
  { value, open, lifetimeMs }: { value: string; open: Open; lifetimeMs: number },
): Field {
  const secure = open.secure ? "; Secure" : "";
  const maxAge = Math.floor(lifetimeMs / 1000);
  return field(
    "Set-Cookie",
    `${cookieName(name, open)}=${value}; Path=/; Max-Age=${maxAge}${secure}; HttpOnly; SameSite=Lax`,
  );
}

/** Where plain HTTP was accepted, browsers would drop a cookie that claims to be secure. */
function cookieName(name: string, open: Open): string {
  return open.secure ? HOST_PREFIX + name : name;
}
