// Several sealed things from the relay in one transaction, since each commit waits for the disk. What came of one is as
// if it had come alone: where one of them needs something done before the next is looked at, the rest waits.
import { publicError, type MusterError } from "../../protocol/errors.ts";
import { takeArrival, type ArrivalsOptions, type Given, type Outcome } from "./arrivals.ts";
import type { PeerRows } from "./store.ts";

export type Result = { outcome: Outcome } | { problem: MusterError };

const STORAGE: ReadonlySet<string> = new Set(["storage_full", "unavailable", "state_corrupt"]);

/** It is no fault of what came: it could not be stored. */
export function isOfStorage({ code }: MusterError): boolean {
  return STORAGE.has(code);
}

/**
 * Of the first ones, in their order. None where one has failed half-way: then nothing has changed, and whoever takes
 * it alone hears why.
 */
export async function takeTogether(options: ArrivalsOptions, group: readonly Given[]): Promise<Result[]> {
  try {
    return await options.store.change((rows) => takeEach(options, rows, group));
  } catch {
    return []; // taken one by one, the one that fails says it again
  }
}

async function takeEach(
  options: ArrivalsOptions,
  rows: PeerRows,
  group: readonly Given[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const given of group) {
    let hasBegun = false;
    const store: ArrivalsOptions["store"] = {
      ...rows,
      change(work) {
        hasBegun = true;
        return work(rows);
      },
    };
    try {
      const outcome = await takeArrival({ ...options, store }, given);
      results.push({ outcome });
      if (outcome.type !== "message") break;
    } catch (error) {
      const problem = publicError(error);
      if (hasBegun || isOfStorage(problem)) throw error;
      results.push({ problem });
    }
  }
  return results;
}
