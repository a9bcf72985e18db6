// Entries of the owner log as a caller brings them to a device that does not know it yet: u32 length, then a JSON list.
// They prove themselves, so they travel open, outside of any session.
import { lv, utf8 } from "../../protocol/bytes.ts";
import { OWNER_LOG_ENTRY_MAX_BYTES } from "../../protocol/limits.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";

/** A log is far from this; what is longer is brought by the hub. */
export const CARRIED_MAX_BYTES = 64 * OWNER_LOG_ENTRY_MAX_BYTES;

/** What a caller writes, and then ends its side. Undefined for a log that is too long for this way. */
export function formatLogEntries(entries: readonly OwnerLogEntry[]): Uint8Array | undefined {
  const bytes = lv(utf8(JSON.stringify(entries)));
  return bytes.length > CARRIED_MAX_BYTES ? undefined : bytes;
}
