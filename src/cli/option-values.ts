// Values of options that are numbers or lists, refused by the parser itself when they are not.

import { InvalidArgumentError } from "@commander-js/extra-typings";
import { isModelName, isProtocol } from "../protocol/capability-words.ts";
import { TASK_CURSOR } from "../protocol/task-cursor.ts";
import { readServiceEntry } from "../protocol/service-entry.ts";

export function parsePort(text: string): number {
  return wholeNumber(text, { min: 0, max: 65_535 });
}

export function parseLineCount(text: string): number {
  return wholeNumber(text, { min: 0, max: 100_000 });
}

export function parseAuditCount(text: string): number {
  return wholeNumber(text, { min: 1, max: 200 });
}

/** Of an owner log; entry 0 can't be taken back. */
export function parseEntryNumber(text: string): number {
  return wholeNumber(text, { min: 1, max: 4095 });
}

/** As long as any name or id, and more. */
const REFERENCE_MAX = 200;
const PETNAME_MAX = 64;

/** What names a share, an app or a device: an empty variable of a script must not stand for any of them. */
export function parseReference(text: string): string {
  const reference = text.trim();
  if (reference === "") throw new InvalidArgumentError("It must not be empty.");
  demandPlain(reference, REFERENCE_MAX);
  return reference;
}

/** As its server calls it. */
export function parseModel(text: string): string {
  if (isModelName(text)) return text;
  throw new InvalidArgumentError("It is no name of a model.");
}

/** For an option that disables several. */
export function collectProtocol(text: string, earlier: string[] = []): string[] {
  if (isProtocol(text)) return [...earlier, text];
  throw new InvalidArgumentError("It names no capability, such as llm.chat.");
}

/** For an option that names several. */
export function collectReference(text: string, earlier: string[] = []): string[] {
  return [...earlier, parseReference(text)];
}

/** What a paired device is called here: anything that a terminal shows as it is. */
export function parsePetname(text: string): string {
  const name = text.trim();
  if (name === "") throw new InvalidArgumentError("A name must not be empty.");
  demandPlain(name, PETNAME_MAX);
  return name;
}

/** What lists call a task. */
export function parseTitle(text: string): string {
  const title = text.trim();
  if (title === "") throw new InvalidArgumentError("A title must not be empty.");
  demandPlain(title, REFERENCE_MAX);
  return title;
}

/** An id of a task, or enough of its beginning or end. */
export function parseTask(text: string): string {
  const task = text.trim().toLowerCase();
  if (!/^[0-9a-f-]{6,36}$/.test(task)) {
    throw new InvalidArgumentError("It must be the id of a task, or at least six characters of one.");
  }
  return task;
}

/** For an option that may be given several times: NAME:PORT, NAME:PORT/tcp. */
export function collectService(text: string, earlier: string[] = []): string[] {
  const entry = readServiceEntry(text);
  if ("problem" in entry) throw new InvalidArgumentError(`It ${entry.problem}.`);
  return [...earlier, text];
}

/** How many a list shows. */
export function parseListCount(text: string): number {
  return wholeNumber(text, { min: 1, max: 200 });
}

/** As the page before printed it. */
export function parseCursor(text: string): string {
  if (!TASK_CURSOR.test(text)) throw new InvalidArgumentError("It is no cursor of an earlier page.");
  return text;
}

/** For an option that may be given several times. */
export function collect(text: string, earlier: string[] = []): string[] {
  return [...earlier, text];
}

/** Line breaks and control characters come from a script's slip, or are meant to be shown to somebody. */
function demandPlain(text: string, max: number): void {
  if (text.length > max) throw new InvalidArgumentError(`It must have at most ${max} characters.`);
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(text)) {
    throw new InvalidArgumentError("It must not hold control characters or line breaks.");
  }
}

function wholeNumber(text: string, { min, max }: { min: number; max: number }): number {
  const value = /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  return value;
}
