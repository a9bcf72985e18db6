// One answer out of many devices' parts. Lists: the latest change first; searches: by rank; stats: summed.
// The same parts in any order give the same answer.
import type { QueryType } from "./query-messages.ts";
import { TASK_STATUSES } from "./task-statuses.ts";

export interface DevicePart {
  /** Name of who answered. */
  device: string;
  /** As it was read: an object with `items` or `stats`, or a list. */
  data: unknown;
}

export type QueryItem = Readonly<Record<string, unknown>> & { readonly device: string };

export interface Merged {
  items: QueryItem[];
  /** Of GetTaskStats: the sums; `items` has each device's own. */
  total?: Record<string, number>;
  /** Of ListTasks: leads behind these, null at the end. */
  cursor?: string | null;
  /** Of SearchKnowledgebase: "words", "meaning" or both, by device, where it says so. */
  searched_by?: Record<string, string[]>;
  /** And what a device could not do, in its own words. */
  notes?: Record<string, string>;
}

const CHANGED = "updated_at";
const WAYS = ["words", "meaning"] as const;
const NOTE_MAX_CHARACTERS = 300;
const SEARCHES: ReadonlySet<QueryType> = new Set(["SearchTasks", "SearchKnowledgebase"]);

/** At most `limit` of all, where there is one. */
export function mergeParts(type: QueryType, parts: readonly DevicePart[], limit?: number): Merged {
  if (type === "GetTaskStats") return mergeStats(parts);
  const items = parts.flatMap(({ device, data }) => itemsIn(data).map((item) => named(device, item)));
  if (type === "ListTasks") return pageOf(parts, inOrder(items, byChange), limit);
  if (!SEARCHES.has(type)) return { items: inOrder(items, byChange) };
  return { items: inOrder(items, byRank).slice(0, limit), ...waysOf(parts) };
}

/** None of the words that were asked for need stand in it. */
export function isByMeaningAlone({ found_by: by }: QueryItem): boolean {
  return Array.isArray(by) && by.includes("meaning") && !by.includes("words");
}

/** How devices searched. */
function waysOf(parts: readonly DevicePart[]): Pick<Merged, "searched_by" | "notes"> {
  const ways: [string, string[]][] = [];
  const notes: [string, string][] = [];
  for (const { device, data } of parts.toSorted((one, other) => compare(one.device, other.device))) {
    if (!isObject(data)) continue;
    const { searched_by: by, note } = data;
    if (Array.isArray(by)) ways.push([device, WAYS.filter((way) => by.includes(way))]);
    if (isText(note) && note !== "") notes.push([device, note.slice(0, NOTE_MAX_CHARACTERS)]);
  }
  return {
    ...(ways.length === 0 ? {} : { searched_by: Object.fromEntries(ways) }),
    ...(notes.length === 0 ? {} : { notes: Object.fromEntries(notes) }),
  };
}

/** Every device takes the cursor, so that pages stay stable while devices come and go. */
function pageOf(parts: readonly DevicePart[], items: QueryItem[], limit: number | undefined): Merged {
  const shown = items.slice(0, limit);
  const isCut =
    shown.length < items.length || parts.some(({ data }) => isObject(data) && isText(data["cursor"]));
  const last = shown.at(-1);
  const at = last === undefined ? NEVER : changedAt(last);
  return { items: shown, cursor: isCut && at !== NEVER ? `${at}.${textOf(last?.["id"])}` : null };
}

function mergeStats(parts: readonly DevicePart[]): Merged {
  const items = parts
    .map(({ device, data }) => named(device, isObject(data) && isObject(data["stats"]) ? data["stats"] : {}))
    .toSorted((one, other) => compare(one.device, other.device));
  const sum = (status: string): number =>
    items.reduce((all, item) => all + (typeof item[status] === "number" ? item[status] : 0), 0);
  return { items, total: Object.fromEntries(TASK_STATUSES.map((status) => [status, sum(status)])) };
}

function itemsIn(data: unknown): unknown[] {
  const list = isObject(data) ? data["items"] : data;
  return Array.isArray(list) ? list : [data];
}

/** A device speaks for itself alone: whatever it says, the item is its own. */
function named(device: string, item: unknown): QueryItem {
  return isObject(item) ? { ...item, device } : { value: item, device };
}

/** An item, with what its place depends on: it is read once, and compared many times. */
interface Placed {
  item: QueryItem;
  rank: number;
  changedAt: number;
  id: string;
}

function inOrder(items: readonly QueryItem[], order: (one: Placed, other: Placed) => number): QueryItem[] {
  return items
    .map((item): Placed => ({ item, rank: rankOf(item), changedAt: changedAt(item), id: textOf(item["id"]) }))
    .sort(order)
    .map(({ item }) => item);
}

function byChange(one: Placed, other: Placed): number {
  return (
    other.changedAt - one.changedAt ||
    // As each device's own pages have it: a cursor is this pair.
    compare(other.id, one.id) ||
    compare(one.item.device, other.item.device)
  );
}

function byRank(one: Placed, other: Placed): number {
  return other.rank - one.rank || byChange(one, other);
}

/** What says nothing of when it changed comes last. */
const NEVER = -1;

function changedAt(item: QueryItem): number {
  const at = Date.parse(textOf(item[CHANGED]));
  return Number.isNaN(at) ? NEVER : at;
}

/** From 0 to 1, whatever a device says. */
function rankOf({ rank }: QueryItem): number {
  return typeof rank === "number" && Number.isFinite(rank) ? Math.min(1, Math.max(0, rank)) : 0;
}

function textOf(value: unknown): string {
  return isText(value) ? value : "";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
