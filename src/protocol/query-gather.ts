// The answer to one query while its parts come: what each device said is looked at once, and what there is so far is
// merged whenever somebody wants to see it. A device whose part is of no use has failed, and is told so by name. All
// that is kept is bounded.
import { z } from "zod";
import { mergeParts, type DevicePart, type Merged } from "./query-merge.ts";
import type { QueryReply, QueryType } from "./query-messages.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";
import { TASK_ID } from "./task-cursor.ts";
import { TASK_PAGE_MAX, TASK_PAGE_USUAL } from "./tasks.ts";
import { TASK_STATUSES } from "./task-statuses.ts";

/** Who answered and who did not. Devices by name, ISO 8601 times, null for "never". */
export interface Completeness {
  answered: string[];
  timed_out: string[];
  failed: Record<string, string>;
  offline: Record<string, string | null>;
  /** Why nobody else was asked. */
  note?: string;
}

export type FleetAnswer = Merged & Completeness;

export interface FleetPart extends DevicePart {
  /** The device's last. */
  isFinal: boolean;
}

export interface GatherOptions {
  type: QueryType;
  /** Of the query, as they were asked. */
  params: unknown;
  /** What all parts together may hold. */
  mostCharacters?: number;
}

type PartReply = QueryReply & { type: "aggregate_query_part" };
type DoneReply = QueryReply & { type: "aggregate_query_done" };

const count = z.number().int().min(0);
const task = z.looseObject({ id: z.string().regex(TASK_ID), updated_at: z.iso.datetime() });
const page = z.looseObject({ items: z.array(task).max(TASK_PAGE_MAX) });

/** As far as what follows depends on it: the rest of an item is the device's own, and shown as such. */
const SHAPES: Readonly<Record<QueryType, z.ZodType>> = {
  ListTasks: page,
  SearchTasks: page,
  SearchKnowledgebase: z.looseObject({ items: z.array(z.looseObject({})) }),
  GetTaskStats: z.looseObject({ stats: z.partialRecord(z.enum(TASK_STATUSES), count) }),
  Custom: z.unknown(),
};

const MOST_CHARACTERS = 64 * RELAY_MESSAGE_MAX_BYTES;

/** Looks at each part and keeps none. */
export class FleetParts {
  readonly #type: QueryType;
  readonly #failed = new Map<string, string>();

  constructor(type: QueryType) {
    this.#type = type;
  }

  /** As it was read; undefined where its device has failed. */
  read({ from_device: device, data: text, is_final }: PartReply): FleetPart | undefined {
    if (this.#failed.has(device)) return undefined;
    const data = parsed(text);
    if (data === undefined) return this.fail(device, "answered what is no JSON");
    if (!SHAPES[this.#type].safeParse(data).success) {
      return this.fail(device, "answered in a form that is not known here");
    }
    return { device, data, isFinal: is_final };
  }

  fail(device: string, reason: string): undefined {
    this.#failed.set(device, reason);
  }

  completeness({ answered, timed_out, failed, offline, note }: DoneReply): Completeness {
    const isGood = (name: string): boolean => !this.#failed.has(name);
    return {
      answered: answered.filter(isGood),
      timed_out: timed_out.filter(isGood),
      failed: { ...failed, ...Object.fromEntries(this.#failed) },
      offline,
      ...(note === undefined ? {} : { note }),
    };
  }
}

export class FleetGathering {
  readonly #type: QueryType;
  readonly #limit: number | undefined;
  readonly #mostCharacters: number;
  readonly #checks: FleetParts;
  #parts: DevicePart[] = [];
  #characters = 0;

  constructor({ type, params, mostCharacters = MOST_CHARACTERS }: GatherOptions) {
    this.#type = type;
    this.#limit = limitIn(params) ?? (type === "ListTasks" ? TASK_PAGE_USUAL : undefined);
    this.#mostCharacters = mostCharacters;
    this.#checks = new FleetParts(type);
  }

  take(reply: PartReply): void {
    const { from_device: device, data } = reply;
    const isRoom = this.#characters + data.length <= this.#mostCharacters;
    const part = isRoom
      ? this.#checks.read(reply)
      : this.#checks.fail(device, "answered more than still fits");
    if (part !== undefined) {
      this.#parts.push(part);
      this.#characters += data.length;
      // What it said before would be half of an answer.
    } else this.#parts = this.#parts.filter((one) => one.device !== device);
  }

  /** What there is so far. */
  merged(): Merged {
    return mergeParts(this.#type, this.#parts, this.#limit);
  }

  completeness(done: DoneReply): Completeness {
    return this.#checks.completeness(done);
  }
}

function limitIn(params: unknown): number | undefined {
  const limit = typeof params === "object" && params !== null && "limit" in params ? params.limit : undefined;
  return typeof limit === "number" && Number.isInteger(limit) && limit > 0 ? limit : undefined;
}

/** Undefined where it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
