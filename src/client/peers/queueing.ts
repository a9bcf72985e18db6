// Messages on their way into the outbox. Each is durable when its call resolves; those that come while one commit is
// under way share the next, so that a program that sends a thousand does not wait for the disk a thousand times.
import { MusterError, publicError, type ErrorCode } from "../../protocol/errors.ts";
import { queueMessage, type NewMessage } from "./outbox.ts";
import type { OutboxRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

interface Waiting {
  message: NewMessage;
  resolve(row: OutboxRow): void;
  reject(problem: unknown): void;
}

/** In one commit: others need their turn at the store too. */
const TOGETHER_MAX = 64;
/** Whoever does not wait for an answer before the next is held to this. */
const WAITING_MAX = 10_000;
/** Said before anything of that message was written. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["too_many", "not_found"]);

/** What it returns throws what `queueMessage` throws. */
export function queueing(
  store: Pick<PeerStore, "change">,
  now: () => number,
): (message: NewMessage) => Promise<OutboxRow> {
  const waiting: Waiting[] = [];
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) await settle(store, waiting.splice(0, TOGETHER_MAX), now());
    isRunning = false;
  }

  return (message) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= WAITING_MAX) throw new MusterError("too_many", "too many messages at once");
      waiting.push({ message, resolve, reject });
      if (!isRunning) void run();
    });
}

async function settle(
  store: Pick<PeerStore, "change">,
  group: readonly Waiting[],
  nowMs: number,
): Promise<void> {
  try {
    const results = await store.change(async (rows) => {
      const settled: (() => void)[] = [];
      for (const { message, resolve, reject } of group) {
        try {
          const row = await queueMessage(rows, message, nowMs);
          settled.push(() => resolve(row));
        } catch (error) {
          if (!REFUSALS.has(publicError(error).code)) throw error;
          settled.push(() => reject(error));
        }
      }
      return settled;
    });
    for (const tell of results) tell();
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
}
