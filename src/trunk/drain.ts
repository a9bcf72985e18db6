// Waiting for requests in flight before one end of them goes: for all of them for a while, and longer for as long as
// bytes still flow. What neither ends nor moves is given up.
import type { World } from "../world/world.ts";

export interface DrainBounds {
  /** For anything. */
  usualMs: number;
  /** While there is progress. */
  longestMs: number;
}

/** A service manager gives more than this before it kills. */
export const PATIENT: DrainBounds = { usualMs: 10_000, longestMs: 30_000 };
/** A person waits for the end. */
export const BRIEF: DrainBounds = { usualMs: 3000, longestMs: 3000 };

const LOOK_EVERY_MS = 20;
/** Progress is at least this much in `PROGRESS_WITHIN_MS`: more than trunks say when nothing happens. */
const PROGRESS_BYTES = 4096;
const PROGRESS_WITHIN_MS = 2000;

export interface Flight {
  busy(): boolean;
  /** Bytes that went by so far. */
  bytes(): number;
}

export async function drain(
  { clock, timers }: Pick<World, "clock" | "timers">,
  flight: Flight,
  { usualMs, longestMs }: DrainBounds,
): Promise<void> {
  const began = clock.monotonic();
  let seen = { bytes: flight.bytes(), atMs: began };
  while (flight.busy()) {
    const now = clock.monotonic();
    const bytes = flight.bytes();
    if (bytes - seen.bytes >= PROGRESS_BYTES) seen = { bytes, atMs: now };
    const moves = now - seen.atMs < PROGRESS_WITHIN_MS;
    if (now - began >= (moves ? longestMs : usualMs)) return;
    await new Promise<void>((resolve) => timers.after(LOOK_EVERY_MS, resolve));
  }
}
