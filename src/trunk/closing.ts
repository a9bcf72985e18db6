// How a trunk ends, and how the two sides tell each other: the payload of GOAWAY, `code reason` in UTF-8.

import { ERROR_TABLE, isErrorCode, MusterError } from "../protocol/errors.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import { GOAWAY_MAX_BYTES } from "./frame.ts";

/**
 * Why a trunk is over. "done": by plan. "lost": the connection broke or ended. "dead": nothing came for too
 * long. Any error code: one side refused the other.
 */
export type CloseCode = ErrorCode | "done" | "lost" | "dead";

export interface TrunkClosed {
  code: CloseCode;
  reason: string;
  /** The far side ended it. */
  remote: boolean;
}

/** The code of a GOAWAY that leaves the trunk open: no more streams, those in flight finish. */
export const DRAIN = "drain";

export function encodeGoaway(code: CloseCode | typeof DRAIN, reason: string): Uint8Array {
  const payload = new Uint8Array(GOAWAY_MAX_BYTES);
  // encodeInto never cuts a character in two.
  const { written } = new TextEncoder().encodeInto(`${code} ${reason}`, payload);
  return payload.subarray(0, written);
}

/** Any bytes at all: a far side of another version may know codes that this one does not. */
export function decodeGoaway(payload: Uint8Array): { code: CloseCode | typeof DRAIN; reason: string } {
  const text = new TextDecoder().decode(payload);
  const space = text.indexOf(" ");
  const code = space < 0 ? text : text.slice(0, space);
  const reason = space < 0 ? "" : text.slice(space + 1);
  if (code === DRAIN || isCloseCode(code)) return { code, reason };
  return { code: "unavailable", reason: text };
}

function isCloseCode(code: string): code is CloseCode {
  return code === "done" || code === "lost" || code === "dead" || isErrorCode(code);
}

const NORMAL_CLOSURE = 1000;
const SILENT = 4408;

/**
 * The same as a WebSocket's close code: 4000 and the HTTP status of the error (4400 malformed, 4401 not proved,
 * 4403 refused, 4409 superseded, 4413 too large, 4429 too many), 4408 for silence, 1000 by plan.
 */
export function webSocketCode(code: CloseCode): number {
  if (isErrorCode(code)) return 4000 + ERROR_TABLE[code].status;
  return code === "dead" ? SILENT : NORMAL_CLOSURE;
}

/** What the streams of a closed trunk are told. */
export function closedError(closed: TrunkClosed): MusterError {
  const code = isErrorCode(closed.code) ? closed.code : "unavailable";
  return new MusterError(code, `the trunk closed (${closed.code}): ${closed.reason}`);
}
