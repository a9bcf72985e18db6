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
}

const CHANGED = "updated_at";

export function mergeParts(type: QueryType, parts: readonly DevicePart[]): Merged {
  if (type === "GetTaskStats") return mergeStats(parts);
  const items = parts.flatMap(({ device, data }) => itemsIn(data).map((item) => named(device, item)));
  const isSearch = type === "SearchTasks" || type === "SearchKnowledgebase";
  return { items: items.toSorted(isSearch ? byRank : byChange) };
}

/**
 * The first `limit` of a list, and the cursor that leads behind them: every device takes it, so that pages stay stable
 * while devices come and go. Null at the end.
 */
export function pageOf(
  parts: readonly DevicePart[],
  limit: number,
): { items: QueryItem[]; cursor: string | null } {
  const { items } = mergeParts("ListTasks", parts);
  const isCut = items.length > limit || parts.some(({ data }) => isObject(data) && isText(data["cursor"]));
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  const at = Date.parse(textOf(last?.[CHANGED]));
  return { items: shown, cursor: isCut && !Number.isNaN(at) ? `${at}.${textOf(last?.["id"])}` : null };
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

function byChange(one: QueryItem, other: QueryItem): number {
  return (
    compare(textOf(other[CHANGED]), textOf(one[CHANGED])) ||
    // As each device's own pages have it: a cursor is this pair.
    compare(textOf(other["id"]), textOf(one["id"])) ||
    compare(one.device, other.device)
  );
}

function byRank(one: QueryItem, other: QueryItem): number {
  return rankOf(other) - rankOf(one) || byChange(one, other);
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
