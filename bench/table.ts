// A measured row as it is reported: figures by contender, and how far they are from the bars that were set
// before anything was measured.

export interface Bar {
  /** What was to be reached, in words. */
  wanted: string;
  /** What was measured, in words. */
  got: string;
  reached: boolean;
}

export interface Table {
  title: string;
  columns: string[];
  rows: string[][];
  bars: Bar[];
  notes: string[];
}

/** Three significant figures, and no more digits than were measured. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1000) return String(Math.round(value));
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Of something else: two significant figures, however small. */
export function ratio(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return value >= 0.1 ? figure(value) : String(Number(value.toPrecision(2)));
}

/** The middle, and how far the repetitions lie apart. */
export function withSpread(middle: number, values: readonly number[]): string {
  if (values.length < 2) return figure(middle);
  return `${figure(middle)} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

/** `value` must be at least `times` what the other has. */
export function atLeast(
  wanted: string,
  { value, other, times = 1 }: { value: number; other: number; times?: number },
): Bar {
  const ratio = value / other;
  return { wanted, got: `${figure(ratio)} times`, reached: ratio >= times };
}

/** `value` must not be above the bound. */
export function atMost(
  wanted: string,
  { value, bound, unit }: { value: number; bound: number; unit: string },
): Bar {
  return { wanted, got: `${figure(value)} ${unit}`, reached: value <= bound };
}
