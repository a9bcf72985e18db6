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
  if (bytes.length > OPEN_MAX_BYTES) return undefined;
  for (const byte of bytes) if ((byte <= 0x20 && byte !== LINE_BREAK) || byte > 0x7e) return undefined;
  const values = decoder.decode(bytes).split("\n");
  if (values.length !== 6 || values.includes("")) return undefined;
  const [target, flags, visitor, host, link, requestId] = values as [
    // six of them: checked above
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (!isLinkKind(link)) return undefined;
  return {
    target,
    https: flags.includes(HTTPS),
    secure: flags.includes(SECURE),
    visitorCloses: flags.includes(VISITOR_CLOSES),
    visitor,
    host,
    link,
    requestId,
  };
}

function isLinkKind(text: string): text is LinkKind {
  return text === "hub" || text === "quick" || text === "named";
}
