// A client's own copy of an owner log, as what commands over it needs it.
import type { OwnerLog } from "../../identity/owner-log.ts";
import type { MusterError } from "../../protocol/errors.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";

export interface OwnerLogBook {
  readonly log: OwnerLog | undefined;
  /** Why nothing may be done by it now. */
  problem(): MusterError | undefined;
  /** Entries that a device showed. Rejects with what is wrong with them. */
  take(entries: readonly OwnerLogEntry[]): Promise<void>;
}
