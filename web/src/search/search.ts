// One search over the fleet: the texts that devices index and the tasks that they keep, asked at once, shown as each
// device answers, with by name who did not.
import { answerJson } from "../../../src/protocol/answer-json.ts";
import { errorOf } from "../../../src/protocol/command-messages.ts";
import { MusterError, publicError } from "../../../src/protocol/errors.ts";
import { mergeParts, type DevicePart, type QueryItem } from "../../../src/protocol/query-merge.ts";
import type { QueryReply } from "../../../src/protocol/query-messages.ts";
import type { PageCommands } from "../session/page-commands.ts";

export type SearchType = "SearchKnowledgebase" | "SearchTasks";

export interface Found {
  at: "asking" | "done" | "failed";
  items: readonly QueryItem[];
  /** Devices that can answer and are there; null until the hub has said so. */
  expected: number | null;
  /** A line each: who did not answer, and why. */
  missing: readonly string[];
  /** A line each: what a device that answered could not do. */
  notes: readonly string[];
  problem: MusterError | null;
}

export const FOUND_MAX = 50;
/** Of each device. */
const LIMIT = 20;
/** Parts of one search that are kept; a hub may claim any number of devices. */
const PARTS_MAX = 256;
const NOTHING: Found = { at: "asking", items: [], expected: null, missing: [], notes: [], problem: null };

/** `show` is told whenever there is more to see. Aborting `left` takes the question back. */
export async function searchFleet(
  ask: PageCommands["query"],
  { type, words }: { type: SearchType; words: string },
  { left, show }: { left: AbortSignal; show(found: Found): void },
): Promise<void> {
  let found = NOTHING;
  const parts: DevicePart[] = [];
  const broken: string[] = [];
  const tell = (more: Partial<Found>): void => {
    found = { ...found, ...more };
    if (!left.aborted) show(found);
  };
  const hear = (reply: QueryReply): void => {
    switch (reply.type) {
      case "aggregate_query_expected":
        return tell({ expected: reply.expected.length });
      case "aggregate_query_part":
        if (parts.length >= PARTS_MAX) return;
        try {
          parts.push({ device: reply.from_device, data: answerJson(reply.data, reply.from_device) });
        } catch {
          broken.push(`${reply.from_device} answered what can’t be read`);
        }
        return tell(soFar(type, parts));
      case "aggregate_query_refused":
        throw errorOf(reply.error);
      case "aggregate_query_done":
        return tell({ at: "done", missing: [...broken, ...missingIn(reply)] });
    }
  };
  tell({});
  try {
    for await (const reply of ask(type, { q: words, limit: LIMIT }, left)) hear(reply);
  } catch (error) {
    tell({ at: "failed", problem: publicError(error) });
  }
}

function soFar(type: SearchType, parts: readonly DevicePart[]): Pick<Found, "items" | "notes"> {
  const { items, notes = {} } = mergeParts(type, parts, FOUND_MAX);
  return { items, notes: Object.entries(notes).map(([name, note]) => `${name}: ${note}`) };
}

function missingIn(done: Extract<QueryReply, { type: "aggregate_query_done" }>): string[] {
  return [
    ...done.timed_out.map((name) => `${name} did not answer in time`),
    ...Object.entries(done.failed).map(([name, reason]) => `${name}: ${reason}`),
    ...Object.keys(done.offline).map((name) => `${name} is offline`),
  ];
}

/** A field of an answer, which may be anything. */
export function textIn(item: QueryItem, field: string): string {
  const value = item[field];
  return typeof value === "string" ? value : "";
}
