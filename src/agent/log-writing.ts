// An entry written behind the newest of the owner log, and again where another controller's came first.
import { appendEntry, type NewEntry, type OwnerLog } from "../identity/owner-log.ts";
import type { Crypto } from "../identity/crypto.ts";
import { MusterError } from "../protocol/errors.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import type { HubPort } from "./hub-port.ts";
import type { OwnerBook } from "./owner-book.ts";

export interface LogWriting {
  hub: Pick<HubPort, "request">;
  book: Pick<OwnerBook, "log" | "problem" | "fetch" | "take">;
}

/** Others may write at the same time; each try begins behind what they wrote. */
const TRIES = 5;

/** `make` signs for the log it is given, and may be asked again for a longer one. */
export async function writeToLog<Made extends { readonly entry: OwnerLogEntry }>(
  { hub, book }: LogWriting,
  make: (log: OwnerLog) => Promise<Made>,
): Promise<Made> {
  for (let attempt = 1; ; attempt++) {
    const made = await make(knownLog(book));
    try {
      await hub.request({ type: "log_append", entry: made.entry }, "done");
      await book.take([made.entry]);
      return made;
    } catch (error) {
      const movedOn = error instanceof MusterError && error.code === "conflict";
      if (!movedOn || attempt >= TRIES) throw error;
      await book.fetch();
    }
  }
}

/** This home's own copy, where it may be believed. */
export function knownLog(book: Pick<OwnerBook, "log" | "problem">): OwnerLog {
  const problem = book.problem();
  if (book.log === undefined || problem !== undefined) {
    throw problem ?? new MusterError("unavailable", "no owner log");
  }
  return book.log;
}

export async function signedEntry(
  crypto: Crypto,
  log: OwnerLog,
  entry: NewEntry,
): Promise<{ entry: OwnerLogEntry }> {
  return { entry: lastEntry(await appendEntry(crypto, log, entry)) };
}

export function lastEntry(log: OwnerLog): OwnerLogEntry {
  const entry = log.entries.at(-1);
  if (entry === undefined) throw new RangeError("an owner log is never empty");
  return entry;
}
