// What an agent and the keeper of a task tell each other, by files and by words, and how what was read is known to be
// that. Plain checks and no schemas: a keeper is started for every task, and schemas would be most of its start.
import type { SealedRequest } from "../../protocol/command-messages.ts";
import { fromUtf8 } from "../../protocol/bytes.ts";
import type { SignalWord } from "../../world/world.ts";

export interface KeptRequest {
  task: string;
  request: SealedRequest<"exec">;
  /** Of commands that name no folder. */
  home: string;
  environment: Record<string, string>;
  /** Whether what it writes is told to the agent too. */
  live: boolean;
}

/** A process, and when it began: a pid alone may be another's by now. */
export interface ProcessMark {
  pid: number;
  mark: string | null;
}

/** `keeper` null: an agent decided that this start does not take place. */
export interface RunStart {
  keeper: ProcessMark | null;
  at: number;
}

export interface RunEnd {
  exit_code: number | null;
  signal: string | null;
  reason: string | null;
  started_at: number;
  ended_at: number;
}

/** From the agent. */
export type KeeperWord =
  | { type: "input_end" }
  | { type: "signal"; name: SignalWord }
  | { type: "cancel"; reason: string }
  | { type: "live"; on: boolean };

/** And to it. */
export type KeptWord =
  | { type: "started"; pid: number; at: number }
  | { type: "input_taken"; bytes: number }
  | { type: "ended"; end: RunEnd };

/** Whether a value, which may be anything, is one of these. */
type Check<Value> = (value: unknown) => value is Value;
type Field = (value: unknown) => boolean;

/** Fields beyond those named may be there: another version may have written it. */
function object<Value>(fields: { [Name in keyof Value]-?: Field }): Check<Value> {
  const checks = Object.entries<Field>(fields);
  return (value): value is Value => isObject(value) && checks.every(([name, check]) => check(value[name]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

const text: Check<string> = (value) => typeof value === "string";
const flag: Field = (value) => typeof value === "boolean";
const whole: Field = Number.isSafeInteger;
const texts: Field = (value) => Array.isArray(value) && value.length > 0 && value.every(text);
const textsByName: Field = (value) => isObject(value) && Object.values(value).every(text);
const oneOf =
  (...words: readonly unknown[]): Field =>
  (value) =>
    words.includes(value);
const orNull =
  (check: Field): Field =>
  (value) =>
    value === null || check(value);
const orAbsent =
  (check: Field): Field =>
  (value) =>
    value === undefined || check(value);

const processMark = object<ProcessMark>({ pid: whole, mark: orNull(text) });
const runEnd = object<RunEnd>({
  exit_code: orNull(whole),
  signal: orNull(text),
  reason: orNull(text),
  started_at: whole,
  ended_at: whole,
});

/** The files of a run's folder. */
export const RUN_PARTS = {
  // What a command asks for was checked by the agent that took it: here only what is used of it.
  request: object<KeptRequest>({
    task: text,
    request: object({
      argv: orAbsent(texts),
      script: orAbsent(text),
      cwd: orAbsent(text),
      environment: orAbsent(textsByName),
      timeout_ms: orAbsent(whole),
      stdin: flag,
    }),
    home: text,
    environment: textsByName,
    live: flag,
  }),
  start: object<RunStart>({ keeper: orNull(processMark), at: whole }),
  child: processMark,
  end: runEnd,
};

const SIGNALS = ["INT", "TERM", "KILL", "HUP"] as const satisfies readonly SignalWord[];

type WordFields<Word extends { type: string }> = {
  [One in Word as One["type"]]: { [Name in Exclude<keyof One, "type">]: Field };
};

const KEEPER_WORDS: WordFields<KeeperWord> = {
  input_end: {},
  signal: { name: oneOf(...SIGNALS) },
  cancel: { reason: text },
  live: { on: flag },
};
const KEPT_WORDS: WordFields<KeptWord> = {
  started: { pid: whole, at: whole },
  input_taken: { bytes: whole },
  ended: { end: runEnd },
};

/** Undefined for what is none. */
export function readKeeperWord(bytes: Uint8Array): KeeperWord | undefined {
  const value = readJson(bytes);
  return isWord(KEEPER_WORDS, value) ? (value as KeeperWord) : undefined; // the table is of these
}

/** Undefined for what is none. */
export function readKeptWord(bytes: Uint8Array): KeptWord | undefined {
  const value = readJson(bytes);
  return isWord(KEPT_WORDS, value) ? (value as KeptWord) : undefined; // the table is of these
}

function isWord(words: Record<string, Record<string, Field>>, value: unknown): boolean {
  const type = isObject(value) ? value["type"] : undefined;
  const fields = text(type) && Object.hasOwn(words, type) ? words[type] : undefined;
  return fields !== undefined && object(fields)(value);
}

/** Undefined where it is no JSON. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes) ?? "");
  } catch {
    return undefined; // which fits no shape
  }
}
