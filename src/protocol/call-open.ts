// How a stream that carries one request and its answers is opened: by a client towards its hub, and by the hub
// towards a device that it asks in turn.
//
//   "call" LF kind
//
// Both directions then carry JSON messages, one a line: `capability-messages.ts`, `query-messages.ts`. The stream's
// own credit bounds what is under way; dropping the stream takes the request back.
import { utf8 } from "./bytes.ts";

export const CALL_KINDS = ["capability", "query"] as const;
export type CallKind = (typeof CALL_KINDS)[number];

const PREFIX = "call\n";
const OPEN_MAX_CHARACTERS = 32;

export function encodeCallOpen(kind: CallKind): Uint8Array {
  return utf8(`${PREFIX}${kind}`);
}

/** Undefined for a stream that is opened for something else, or for a kind that is not known. */
export function readCallOpen(payload: Uint8Array): CallKind | undefined {
  if (payload.length > OPEN_MAX_CHARACTERS) return undefined;
  const text = new TextDecoder("latin1").decode(payload);
  return CALL_KINDS.find((kind) => text === `${PREFIX}${kind}`);
}
