// What a page shows so that a controller of its person lets this browser command: `mbr1_` + base64url(identity key ‖ link
// key) `.` name. No secret: whoever types it into a controller decides by it, and nobody else.
import { concat, fromBase64Url, toBase64Url } from "./bytes.ts";
import { isHostName } from "./names.ts";

const PREFIX = "mbr1_";
const KEY_BYTES = 32;

export interface BrowserCode {
  publicKey: Uint8Array;
  linkKey: Uint8Array;
  /** As an owner log takes it. */
  name: string;
}

export function formatBrowserCode({ publicKey, linkKey, name }: BrowserCode): string {
  return `${PREFIX}${toBase64Url(concat(publicKey, linkKey))}.${name}`;
}

/** Undefined for what is none, as the name of a device. */
export function readBrowserCode(text: string): BrowserCode | undefined {
  const [keys = "", name = "", ...rest] = text.slice(PREFIX.length).split(".");
  const bytes = text.startsWith(PREFIX) && rest.length === 0 ? fromBase64Url(keys) : undefined;
  if (bytes?.length !== 2 * KEY_BYTES || !isHostName(name)) return undefined;
  return { publicKey: bytes.slice(0, KEY_BYTES), linkKey: bytes.slice(KEY_BYTES), name };
}
