// Times as people write and read them: "2h" in, "3 s ago" out.

import { MusterError } from "../protocol/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

export interface DurationBounds {
  /** What it is for: "--expires". */
  name: string;
  /** In the form that it parses: "1m". */
  min: string;
  max: string;
}

/** Milliseconds of "90s", "90m", "2h", "7d", "1w": a whole number and one unit, nothing else. */
export function parseDuration(text: string, bounds: DurationBounds): number {
  const ms = durationMs(text);
  if (ms === undefined) {
    throw new MusterError("usage", `${bounds.name} does not take "${text.slice(0, 40)}"`, {
      hint: "a duration is a number and a unit: 90s, 15m, 2h, 7d, 1w",
    });
  }
  if (ms < (durationMs(bounds.min) ?? 0)) {
    throw new MusterError("usage", `${bounds.name} must be at least ${bounds.min}, not ${text}`);
  }
  if (ms > (durationMs(bounds.max) ?? 0)) {
    throw new MusterError("usage", `${bounds.name} must be at most ${bounds.max}, not ${text}`);
  }
  return ms;
}

function durationMs(text: string): number | undefined {
  const parts = /^([0-9]{1,16})([smhdw])$/.exec(text);
  const unit = UNIT_MS[parts?.[2] ?? ""];
  return parts === null || unit === undefined ? undefined : Number(parts[1]) * unit;
}

/** "3 s", "5 min", "2 h", "4 d": the largest unit that is at least one, rounded down. */
export function shortDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** How long ago an ISO 8601 instant was: "3 s ago", "now". A clock that runs ahead reads as now. */
export function ago(instant: string, now: number): string {
  const passed = now - Date.parse(instant);
  return passed < 1_000 ? "now" : `${shortDuration(passed)} ago`;
}

/** How long until an instant: "in 15 min"; "over" once it has passed. */
export function until(instant: string, now: number): string {
  const left = Date.parse(instant) - now;
  // Half a second of grace: "in 15 min" just after a token of 15 minutes was made, not "in 14 min".
  return left <= 0 ? "over" : `in ${shortDuration(left + 500)}`;
}
