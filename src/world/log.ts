// The program's log: LogTape, set up once for the process. One line of JSON per event, or a short line for
// people where standard error is a terminal. Fields named like secrets, and texts shaped like ours, never pass.
import { configureSync, disposeSync, getLogger, type LogRecord, type Sink } from "@logtape/logtape";
import { redactByField, redactByPattern } from "@logtape/redaction";
import type { Log, LogFields, LogLevel, LogLevels } from "../protocol/log.ts";

export interface LogOptions {
  levels: LogLevels;
  /** Whether a person reads along. */
  terminal: boolean;
  /** Where lines go; standard error by default. */
  write?(line: string): void;
}

export interface OpenLog {
  log: Log;
  /** Before the process ends. */
  close(): void;
}

const ROOT = "muster";
const HIDDEN = "‹secret›";

const SECRET_FIELDS = [
  /token/i,
  /secret/i,
  /passw/i,
  /^pass$/i,
  /authorization/i,
  /cookie/i,
  /credential/i,
  /private/i,
  /^code$/i,
  /pairing_?code/i,
  /api_?key/i,
  /^seed$/i,
  /^ticket$/i,
  /^login_?url$/i,
];

/** A setup token, a login link, a bearer: recognised wherever they stand in a text. */
const SECRET_TEXTS = [
  { pattern: /m(?:st|k)1_[A-Za-z0-9_-]{20,}/g, replacement: HIDDEN },
  { pattern: /(?<=login\.[A-Za-z0-9_-]{12}\.)[A-Za-z0-9_-]{43}/g, replacement: HIDDEN },
  { pattern: /(?<=\bBearer )[^\s"\\]+/gi, replacement: HIDDEN },
];

/** How far fields are followed, and how long one text may be: what is logged is not chosen by us alone. */
const DEPTH_MAX = 6;
const TEXT_MAX = 4_000;
const ITEMS_MAX = 50;

export function openLog({ levels, terminal, write = toStandardError }: LogOptions): OpenLog {
  const format = redactByPattern(terminal ? personLine : jsonLine, SECRET_TEXTS);
  const lines: Sink = (record) => write(format(record));
  configureSync({
    reset: true,
    sinks: { lines: redactByField(lines, { fieldPatterns: SECRET_FIELDS, action: () => HIDDEN }) },
    loggers: [
      { category: [ROOT], sinks: ["lines"], lowestLevel: nameOf(levels.base) },
      ...[...levels.parts].map(([part, level]) => ({
        category: [ROOT, part],
        sinks: ["lines" as const],
        parentSinks: "override" as const,
        lowestLevel: nameOf(level),
      })),
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "error" as const },
    ],
  });
  return { log: logOf([ROOT]), close: () => disposeSync() };
}

function logOf(category: readonly [string, ...string[]]): Log {
  const logger = getLogger(category);
  return {
    debug: (event, fields = {}) => logger.debug(event, plainFields(fields)),
    info: (event, fields = {}) => logger.info(event, plainFields(fields)),
    warn: (event, fields = {}) => logger.warn(event, plainFields(fields)),
    error: (event, fields = {}) => logger.error(event, plainFields(fields)),
    part: (name) => logOf([ROOT, name]),
  };
}

/** Fields as plain data of bounded size: errors with their causes, values that hide themselves as they wish. */
function plainFields(fields: LogFields): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, ITEMS_MAX);
  return Object.fromEntries(entries.map(([name, value]) => [name, plain(value, DEPTH_MAX)]));
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.length <= TEXT_MAX ? value : `${value.slice(0, TEXT_MAX)}…`;
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return "‹function›";
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  if (value instanceof Error) return plainError(value, depth);
  // Keys and ciphertexts are bytes: their number is all a log needs.
  if (value instanceof Uint8Array) return `‹${value.length} bytes›`;
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(value.toJSON(), depth - 1);
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => plain(item, depth - 1));
  if (value instanceof Map || value instanceof Set) return plain([...value], depth - 1);
  const entries = Object.entries(value).slice(0, ITEMS_MAX);
  return Object.fromEntries(entries.map(([name, item]) => [name, plain(item, depth - 1)]));
}

// Our own errors carry a code that is no secret, so it is not named `code` here.
function plainError(error: Error, depth: number): unknown {
  const { name, message, stack, cause } = error;
  return {
    name,
    message: plain(message, depth),
    ...("code" in error ? { error_code: plain(error.code, depth - 1) } : {}),
    ...(stack === undefined ? {} : { stack: plain(stack, depth) }),
    ...(cause === undefined ? {} : { cause: plain(cause, depth - 1) }),
  };
}

function jsonLine(record: LogRecord): string {
  const head = {
    time: new Date(record.timestamp).toISOString(),
    level: levelOf(record),
    part: partOf(record),
  };
  return `${JSON.stringify({ ...record.properties, ...head, event: record.message.join("") })}\n`;
}

function personLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 19);
  const fields = Object.entries(record.properties)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${personValue(value)}`);
  const line = `${time} ${levelOf(record).padEnd(5)} ${partOf(record)}: ${record.message.join("")}${fields.join("")}`;
  return `${withoutControls(line)}\n`;
}

function personValue(value: unknown): string {
  if (typeof value === "string") return /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  // A person gets the reason; the whole of an error is in the JSON lines.
  if ("stack" in value && "message" in value) return JSON.stringify(value.message);
  return JSON.stringify(value);
}

/** What devices and visitors sent must not move a terminal's cursor or rewrite its lines. */
function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "�");
}

function partOf(record: LogRecord): string {
  return record.category.slice(1).join(".") || ROOT;
}

function levelOf(record: LogRecord): LogLevel {
  switch (record.level) {
    case "trace":
    case "debug":
      return "debug";
    case "info":
      return "info";
    case "warning":
      return "warn";
    case "error":
    case "fatal":
      return "error";
  }
}

function nameOf(level: LogLevel): "debug" | "info" | "warning" | "error" {
  return level === "warn" ? "warning" : level;
}

function toStandardError(line: string): void {
  process.stderr.write(line);
}
