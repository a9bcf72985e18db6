// What devices answered, as lines for a person: tasks as a table, sums as a table, texts with where they are, and what
// a plugin says as a table where it is one and fits, else as the JSON that it is.

import { TASK_STATUSES, type TaskStatus } from "../protocol/task-statuses.ts";
import { isByMeaningAlone, type Merged, type QueryItem } from "../protocol/query-merge.ts";
import type { QueryType } from "../protocol/query-messages.ts";
import { ago } from "./durations.ts";
import type { Invocation } from "./invocation.ts";
import { plainLine, stripControl } from "./plain-text.ts";
import { proseLines } from "./prose.ts";
import { tableLines, type Cell } from "./table.ts";
import { shortTask, taskState } from "./task-text.ts";

/** None for nothing. */
export function itemLines(invocation: Invocation, type: QueryType, merged: Merged): string[] {
  switch (type) {
    case "ListTasks":
    case "SearchTasks":
      return taskLines(invocation, merged.items);
    case "GetTaskStats":
      return statsLines(invocation, merged);
    case "SearchKnowledgebase":
      return merged.items.flatMap((item) => textLines(invocation, item));
    case "Custom":
      return customLines(invocation, merged.items);
  }
}

function taskLines({ out, surroundings }: Invocation, items: readonly QueryItem[]): string[] {
  const now = surroundings.clock.now();
  const headings = ["TASK", "DEVICE", "STATE", "CHANGED", "TITLE"];
  const rows = items.map((item): Cell[] => {
    const changed = ago(textIn(item, "updated_at"), now);
    const { text, style } = stateOf(item);
    return [
      { text: shortTask(textIn(item, "id")) },
      { text: item.device },
      { text, ...(style === undefined ? {} : { style }) },
      { text: changed, short: changed.replace(" ago", ""), style: "dim" },
      { text: textIn(item, "title") },
    ];
  });
  return rows.length === 0 ? [] : tableLines(out, rows, { headings, shorten: [3] });
}

/** A status that only a newer device knows is shown as it came. */
function stateOf(item: QueryItem): ReturnType<typeof taskState> {
  const { status, exit_code: code, reason, queued } = item;
  if (!isStatus(status)) return { text: plainLine(textIn(item, "status")) };
  return taskState({
    status,
    exit_code: typeof code === "number" ? code : null,
    reason: typeof reason === "string" ? reason : null,
    queued: queued === true,
  });
}

function isStatus(value: unknown): value is TaskStatus {
  return TASK_STATUSES.some((status) => status === value);
}

/** A row for each device, and one of the sums where there are several. */
function statsLines({ out }: Invocation, { items, total = {} }: Merged): string[] {
  if (items.length === 0) return [];
  const row = (name: string, counts: Readonly<Record<string, unknown>>): Cell[] => [
    { text: name },
    ...TASK_STATUSES.map((status): Cell => {
      const count = counts[status];
      return count === 0 || typeof count !== "number" ? { text: "0", style: "dim" } : { text: String(count) };
    }),
  ];
  const rows = items.map((item) => row(item.device, item));
  if (items.length > 1) rows.push(row("all", total));
  const headings = ["DEVICE", ...TASK_STATUSES.map((status) => status.toUpperCase())];
  return tableLines(out, rows, { headings });
}

const SNIPPET_LINES = 3;
const INDENT = "  ";

function textLines({ out }: Invocation, item: QueryItem): string[] {
  const path = plainLine(textIn(item, "path"));
  const title = plainLine(textIn(item, "title")) || path || plainLine(textIn(item, "id"));
  const place = `${plainLine(item.device)}${path === "" || path === title ? "" : `: ${path}`}`;
  // Why it is here, where none of the words is to be seen.
  const way = isByMeaningAlone(item) ? " (by meaning)" : "";
  const snippet = withoutHeading(plainLine(textIn(item, "snippet")).replaceAll(/ {2,}/g, " ").trim(), title);
  const columns = out.columns - INDENT.length;
  const lines = snippet === "" ? [] : proseLines(snippet, { columns, width: (text) => out.width(text) });
  return [
    `${out.style("bold", title)}  ${out.style("dim", place + way)}`,
    ...lines.slice(0, SNIPPET_LINES).map((line) => INDENT + line),
    ...(lines.length > SNIPPET_LINES ? [`${INDENT}…`] : []),
  ];
}

/** Which stands above it already. */
function withoutHeading(snippet: string, title: string): string {
  const text = snippet.replace(/^#{1,6} /, "");
  return text !== snippet && text.startsWith(title) ? text.slice(title.length).trimStart() : snippet;
}

/** As a table where a person looks at it, or below their devices where it is too wide; what reads a pipe takes JSON. */
function customLines({ out }: Invocation, items: readonly QueryItem[]): string[] {
  const json = items.map((item) => stripControl(JSON.stringify(item)));
  const [first] = items;
  if (!out.interactive || first === undefined) return json;
  const fields = Object.keys(first).filter((field) => field !== "device");
  const isTable = items.every(
    (item) =>
      Object.keys(item).length === fields.length + 1 && fields.every((field) => isScalar(item[field])),
  );
  if (!isTable || fields.length === 0) return json;
  const rows = items.map((item): Cell[] => [
    { text: item.device },
    ...fields.map((field): Cell => ({ text: scalarText(item[field]) })),
  ]);
  const headings = ["DEVICE", ...fields.map((field) => plainLine(field).toUpperCase())];
  const lines = tableLines(out, rows, { headings, wide: true });
  const fits = (shown: readonly string[]): boolean => shown.every((line) => out.width(line) <= out.columns);
  if (fits(lines)) return lines;
  const columns = out.columns - INDENT.length;
  const below = items.flatMap((item) => {
    const told = fields.filter((field) => scalarText(item[field]) !== "");
    const text = told.map((field) => `${plainLine(field)}: ${plainLine(scalarText(item[field]))}`).join(", ");
    const shown = proseLines(text, { columns, width: (piece) => out.width(piece) });
    return [out.style("bold", plainLine(item.device)), ...shown.map((line) => INDENT + line)];
  });
  return fits(below) ? below : json;
}

function isScalar(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null ? "" : JSON.stringify(value);
}

function textIn(item: QueryItem, field: string): string {
  const value = item[field];
  return typeof value === "string" ? value : "";
}
