// Amounts of bytes and how fast they go, as people read them.

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** "3.5 GB": thousands, as disks and networks are sold. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ""}`;
}

/** Never 100 before it is so. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part >= whole) return "100 %";
  return `${Math.min(99, Math.floor((100 * part) / whole))} %`;
}

/** "8 s", "3 min", "2 h". */
export function timeLeft(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}

/** How fast something goes lately, so that a pause and a change are soon seen. */
export class Rate {
  readonly #seen: { atMs: number; bytes: number }[] = [];

  /** Bytes a second over the last few looks; undefined while that can't be said. */
  add(atMs: number, bytes: number): number | undefined {
    this.#seen.push({ atMs, bytes });
    while ((this.#seen[1]?.atMs ?? atMs) < atMs - RATE_OVER_MS) this.#seen.shift();
    const [first] = this.#seen;
    if (first === undefined || atMs - first.atMs < RATE_AFTER_MS) return undefined;
    return Math.max(0, ((bytes - first.bytes) * 1000) / (atMs - first.atMs));
  }
}

const RATE_OVER_MS = 4_000;
const RATE_AFTER_MS = 500;
