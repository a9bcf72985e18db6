// The bounds of one connection that a visitor meets. Those that both ends of the trunk share stand in
// protocol/limits.ts.

import { BODY_IDLE_TIMEOUT_MS, HEAD_TIMEOUT_MS } from "../protocol/limits.ts";

const KIB = 1024;

export interface ConnectionLimits {
  /** From the first byte of a head to its last. */
  readonly headTimeoutMs: number;
  /** A connection without a request, new or between two. */
  readonly idleTimeoutMs: number;
  /** Between two pieces of a request body, while we take them. */
  readonly bodyIdleTimeoutMs: number;
  /** A visitor that takes none of its response. Long, because a laptop lid or a debugger is no attack. */
  readonly responseStallTimeoutMs: number;
  /** A visitor that half-closed and to whom nothing could be written: most of them are gone for good. */
  readonly halfClosedTimeoutMs: number;
  /**
   * A visitor that half-closed and still waits for its answer is asked after this whether it is there: an interim
   * response means nothing to one that is, and the system of one that is gone refuses it.
   */
  readonly halfClosedProbeMs: number;
  /** Rest of a request body that is read for the sake of the connection after an early response. */
  readonly drainMaxBytes: number;
  /** Bytes of the next requests held while one is answered; with more, the connection serves no other. */
  readonly pipelineMaxBytes: number;
  /** A closing connection is read on, so that the visitor gets its answer and not a reset. */
  readonly lingerTimeoutMs: number;
  readonly lingerMaxBytes: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  headTimeoutMs: HEAD_TIMEOUT_MS,
  idleTimeoutMs: 60_000,
  bodyIdleTimeoutMs: BODY_IDLE_TIMEOUT_MS,
  responseStallTimeoutMs: 300_000,
  halfClosedTimeoutMs: 30_000,
  // Only where a connection is the visitor's own is there something to find out.
  halfClosedProbeMs: Infinity,
  drainMaxBytes: 64 * KIB,
  pipelineMaxBytes: 64 * KIB,
  lingerTimeoutMs: 2_000,
  lingerMaxBytes: 1024 * KIB,
};
