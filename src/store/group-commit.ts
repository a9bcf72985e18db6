// Many small writes, one commit. Each commit waits for the disk; when a thousand devices register at once,
// those that arrive while one commit is under way, or shortly after it, share the next. A lone call runs at once. A
// call still resolves only after the commit that holds its write.

import { MusterError } from "../protocol/errors.ts";
import { WAITING_MAX } from "./turnstile.ts";

export interface GroupCommitOptions<Item, Result> {
  /** Writes all of them in one transaction; one result for each, in order. Rejects for all or none. */
  commit: (items: Item[]) => Promise<Result[]>;
  /** A group's largest size: others need their turn at the database too. */
  groupMax?: number;
  /**
   * Waited for after each commit, before the next: SQLite's commits hold up the whole process, so without it a
   * thousand calls that trickle in are nearly a thousand commits.
   */
  pause?: () => Promise<void>;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

export function groupCommit<Item, Result>({
  commit,
  groupMax = 500,
  pause = () => Promise.resolve(),
}: GroupCommitOptions<Item, Result>): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const group = waiting.slice(0, groupMax);
      waiting = waiting.slice(groupMax);
      await settle(group, commit);
      try {
        await pause();
      } catch {
        // A rest and no more: without it there are more commits, and none is held up for ever.
      }
    }
    running = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= WAITING_MAX) {
        throw new MusterError("unavailable", `more than ${WAITING_MAX} writes are waiting`);
      }
      waiting.push({ item, resolve, reject });
      if (!running) void run();
    });
}

async function settle<Item, Result>(
  group: Waiting<Item, Result>[],
  commit: (items: Item[]) => Promise<Result[]>,
): Promise<void> {
  try {
    const results = await commit(group.map(({ item }) => item));
    if (results.length !== group.length) throw new Error("a group commit gave another number of results");
    // The lengths are equal, so there is a result for every index.
    for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
}
