// Times and ages in words. Ages count from the hub's clock, so that a browser whose clock is wrong still
// tells them right; nothing here is ever negative.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "3 s", "4 min", "2 h", "5 d": one unit, rounded down, which is what "since" and "ago" promise. */
export function span(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)} h`;
  return `${Math.floor(whole / DAY)} d`;
}

export function ago(at: string | null, nowMs: number): string {
  return at === null ? "never" : `${span(nowMs - Date.parse(at))} ago`;
}

/** "in 2 h", or "expired" once it is over. */
export function until(at: string, nowMs: number): string {
  const left = Date.parse(at) - nowMs;
  return left <= 0 ? "expired" : `in ${span(left)}`;
}

/** The exact time, in the reader's zone and language, with seconds and zone. */
export function exact(at: string | null, locale?: string, timeZone?: string): string {
  if (at === null) return "never";
  const options: Intl.DateTimeFormatOptions = {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
    ...(timeZone === undefined ? {} : { timeZone }),
  };
  return new Intl.DateTimeFormat(locale, options).format(new Date(at));
}

/** "4:09", as a clock that runs out: minutes and seconds. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / SECOND));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Hour and minute, in the reader's zone and habit. */
export function hour(at: number, locale?: string, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", ...zone }).format(at);
}

/** "Friday, 20 November 2026". */
export function day(at: number, locale?: string, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  return new Intl.DateTimeFormat(locale, { dateStyle: "full", ...zone }).format(at);
}
