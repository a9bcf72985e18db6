// Entries of the owner log, brought to a device that does not know its caller yet. They prove themselves, so they
// travel open, outside of any session:
//
//   u32 length ‖ JSON list of entries, then the end of the stream. The device answers one byte and ends it too.
import { z } from "zod";
import { CARRIED_MAX_BYTES } from "../../client/commands/log-entries.ts";
import { concat, fromUtf8 } from "../../protocol/bytes.ts";
import { OWNER_LOG_MAX_ENTRIES } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import { ownerLogEntry, type OwnerLogEntry } from "../../protocol/owner-log.ts";
import { RESET } from "../../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";

const entriesList = z.array(ownerLogEntry).max(OWNER_LOG_MAX_ENTRIES);
const TAKEN = 1;

export function takeLogEntries(
  { book, log }: { book: { take(entries: readonly OwnerLogEntry[]): Promise<void> }; log: Log },
  stream: TrunkStream,
): TrunkStreamEvents {
  let held: Uint8Array[] = [];
  let length = 0;
  return {
    data(bytes) {
      length += bytes.length;
      if (length > CARRIED_MAX_BYTES) return stream.reset(RESET.refused);
      held.push(new Uint8Array(bytes));
    },
    drain() {},
    end() {
      const entries = read(concat(...held));
      held = [];
      if (entries === undefined) return stream.reset(RESET.refused);
      book.take(entries).then(
        () => {
          stream.write(Uint8Array.of(TAKEN));
          stream.shutdown();
        },
        (error: unknown) => {
          log.info("entries of the owner log that a caller brought are refused", { problem: String(error) });
          stream.reset(RESET.refused);
        },
      );
    },
    close() {
      held = [];
    },
  };
}

function read(bytes: Uint8Array): OwnerLogEntry[] | undefined {
  try {
    const parsed = entriesList.safeParse(JSON.parse(fromUtf8(bytes.subarray(4)) ?? ""));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined; // no JSON
  }
}
