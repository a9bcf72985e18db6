// What the hub says when it opens a stream towards a device: whose request follows, and what the hub alone
// can know about the visitor. The gateway believes this and no header. One stream, one request.
//
//   target LF flags LF visitor LF host LF link LF request id
//
// Text and not JSON, since it is made and read once per request. Every value is printable ASCII without
// spaces, so none can break into another, into a header or into a log line.

import { OPEN_MAX_BYTES } from "./limits.ts";
import { LINK_KINDS } from "./views.ts";

export type LinkKind = (typeof LINK_KINDS)[number];

export interface Open {
  /** A share's id, `service:NAME`, or the device itself. */
  target: string;
  /** The visitor came by https. */
  https: boolean;
  /** Nobody on the visitor's side can listen in: https, or a host of this machine. */
  secure: boolean;
  /** The visitor's connection ends after this request, so the device may delimit its answer by closing. */
  visitorCloses: boolean;
  /** The address the visitor's connection came from. */
  visitor: string;
  /** As received, port included. */
  host: string;
  link: LinkKind;
  requestId: string;
}

/** What the device answers for itself: `/health`. No share's id looks so. */
export const DEVICE_TARGET = "device:";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");
const LINE_BREAK = 0x0a;

/** The payload of a flag: the app has agreed to another protocol, raw bytes follow. Sent before the 101. */
export const RAW_FLAG: Uint8Array = encoder.encode("r");

const HTTPS = "t";
const SECURE = "s";
const VISITOR_CLOSES = "c";
const NO_FLAGS = "-";

export function encodeOpen(open: Open): Uint8Array {
  const flags =
    (open.https ? HTTPS : "") + (open.secure ? SECURE : "") + (open.visitorCloses ? VISITOR_CLOSES : "");
  return encoder.encode(
    `${open.target}\n${flags === "" ? NO_FLAGS : flags}\n${open.visitor}\n${open.host}\n${open.link}\n${open.requestId}`,
  );
}

/** Undefined when it is not exactly what `encodeOpen` writes. */
export function decodeOpen(bytes: Uint8Array): Open | undefined {
  if (bytes.length > OPEN_MAX_BYTES || !isSixLines(bytes)) return undefined;
  const text = decoder.decode(bytes);
  const targetEnd = text.indexOf("\n");
  const flagsEnd = text.indexOf("\n", targetEnd + 1);
  const visitorEnd = text.indexOf("\n", flagsEnd + 1);
  const hostEnd = text.indexOf("\n", visitorEnd + 1);
  const linkEnd = text.indexOf("\n", hostEnd + 1);
  const flags = text.substring(targetEnd + 1, flagsEnd);
  const link = text.substring(hostEnd + 1, linkEnd);
  if (!isLinkKind(link)) return undefined;
  return {
    target: text.substring(0, targetEnd),
    https: flags.includes(HTTPS),
    secure: flags.includes(SECURE),
    visitorCloses: flags.includes(VISITOR_CLOSES),
    visitor: text.substring(flagsEnd + 1, visitorEnd),
    host: text.substring(visitorEnd + 1, hostEnd),
    link,
    requestId: text.substring(linkEnd + 1),
  };
}

/** Whether these are six lines of printable ASCII, none empty. By index: `for … of` bytes takes nine times as long. */
function isSixLines(bytes: Uint8Array): boolean {
  let breaks = 0;
  let lineStart = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number; // in bounds
    if (byte === LINE_BREAK) {
      if (at === lineStart) return false;
      breaks++;
      lineStart = at + 1;
    } else if (byte <= 0x20 || byte > 0x7e) return false;
  }
  return breaks === 5 && lineStart < bytes.length;
}

function isLinkKind(text: string): text is LinkKind {
  return text === "hub" || text === "quick" || text === "named";
}
