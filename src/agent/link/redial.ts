// When to dial the hub again. A thousand agents lose their hub at one moment: the first try is spread over a
// second. After that the pause doubles with full jitter, so that a hub that comes back is found at once and a
// hub that is gone for long is not hammered.

export const FIRST_SPREAD_MS = 1000;
export const PAUSE_FIRST_MS = 50;
export const PAUSE_MAX_MS = 2000;
/** After this long without a hub the pause is `PAUSE_LONG_MS`. */
export const LONG_AFTER_MS = 10 * 60_000;
export const PAUSE_LONG_MS = 5000;
/** What a hub may ask for by `reconnect`, at most. */
export const ASKED_MAX_MS = 10 * 60_000;

export type RedialReason =
  /** The trunk was lost, or a dial failed. */
  | { type: "lost" }
  /** This machine's routes or addresses changed, or it woke up: nobody else dials at this moment. */
  | { type: "network_changed" }
  /** The hub said when to come back. */
  | { type: "asked"; afterMs: number };

export interface RedialState {
  /** Tries since the trunk was last up. */
  tries: number;
  /** How long there has been no trunk, milliseconds. */
  downMs: number;
}

/** Milliseconds from the beginning of a dial that failed, or from the loss, to the next one. `fraction` is uniform in [0, 1). */
export function redialPauseMs(reason: RedialReason, state: RedialState, fraction: number): number {
  switch (reason.type) {
    case "network_changed":
      return 0;
    case "asked":
      // Spread as well: the hub asked everybody at once.
      return Math.min(reason.afterMs, ASKED_MAX_MS) + fraction * FIRST_SPREAD_MS;
    case "lost": {
      if (state.tries === 0) return fraction * FIRST_SPREAD_MS;
      if (state.downMs > LONG_AFTER_MS) return PAUSE_LONG_MS * (0.5 + fraction);
      return fraction * Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(state.tries - 1, 16));
    }
  }
}
