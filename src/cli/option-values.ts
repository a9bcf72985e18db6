// Values of options that are numbers or lists, refused by the parser itself when they are not.

import { InvalidArgumentError } from "@commander-js/extra-typings";

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

/** What names a share, an app or a device: an empty variable of a script must not stand for any of them. */
export function parseReference(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}

/** For an option that may be given several times. */
export function collect(text: string, earlier: string[] = []): string[] {
  return [...earlier, text];
}

function wholeNumber(text: string, { min, max }: { min: number; max: number }): number {
  const value = /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  return value;
}
