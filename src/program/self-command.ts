// How this program starts itself again. A compiled one is its own executable; from a checkout it is Bun with the
// entry file.
import { resolve } from "node:path";
import { isCompiled } from "./compiled.ts";

export function selfCommand(): string[] {
  return isCompiled ? [process.execPath] : [process.execPath, resolve(import.meta.dirname, "..", "main.ts")];
}

/** What the entry file knows a task's keeper by; nobody types it. */
export const KEEPER_WORD = "keep-task";

export function keeperCommand(): string[] {
  return [...selfCommand(), KEEPER_WORD];
}
