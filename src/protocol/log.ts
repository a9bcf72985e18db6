// How every room tells what happens: an event in a few fixed words, and fields beside it. What comes from
// outside goes into fields, never into the event, so that lines can be searched and nothing forges one.

export type LogLevel = "debug" | "info" | "warn" | "error";

export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Values of fields that are named like secrets are left out, and an Error keeps its causes. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The log of one part of the program ("trunk", "cloud"); levels can be set for each. */
  part(name: string): Log;
}

/** The least level that is written: of the whole program, and of parts where it differs. */
export interface LogLevels {
  readonly base: LogLevel;
  readonly parts: ReadonlyMap<string, LogLevel>;
}

const PART = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * Reads "debug", or "cloud=debug,trunk=info", or both mixed. Undefined when a word of it is neither, so that
 * the reader of the environment can say which setting is wrong.
 */
export function parseLogLevels(text: string, base: LogLevel = "info"): LogLevels | undefined {
  const parts = new Map<string, LogLevel>();
  let level = base;
  for (const word of text.split(",").map((piece) => piece.trim())) {
    if (word === "") continue;
    const [left = "", right, ...rest] = word.split("=");
    if (rest.length > 0) return undefined;
    if (right === undefined) {
      if (!isLevel(left)) return undefined;
      level = left;
      continue;
    }
    if (!PART.test(left) || !isLevel(right)) return undefined;
    parts.set(left, right);
  }
  return { base: level, parts };
}

/** For tests, and for programs that are told to be silent. */
export const SILENT_LOG: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  part: () => SILENT_LOG,
};

function isLevel(text: string): text is LogLevel {
  return LOG_LEVELS.some((level) => level === text);
}
