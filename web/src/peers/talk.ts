// A conversation as it is read: what was said, under the day it was said on; how much of it is new; and the line
// that stands for it in the list.
import type { SentState } from "../../../src/client/peer.ts";
import type { ShownState } from "../fleet/shown-state.ts";
import type { TalkItem } from "./peers-state.ts";

export type Talks = ReadonlyMap<string, readonly TalkItem[]>;

export interface Day {
  /** Local date, such as 2026-11-20. */
  date: string;
  at: number;
  items: TalkItem[];
}

export function byDay(items: readonly TalkItem[], dateOf: (ms: number) => string = localDate): Day[] {
  const days: Day[] = [];
  for (const item of items) {
    const date = dateOf(item.at);
    const last = days.at(-1);
    if (last?.date === date) last.items.push(item);
    else days.push({ date, at: item.at, items: [item] });
  }
  return days;
}

export function talksOf(items: readonly TalkItem[]): Talks {
  const talks = new Map<string, TalkItem[]>();
  for (const item of items) {
    const talk = talks.get(item.peer);
    if (talk === undefined) talks.set(item.peer, [item]);
    else talk.push(item);
  }
  return talks;
}

/** With this one in its place: in that of the same id, or as the last. */
export function withItem(talks: Talks, item: TalkItem): Talks {
  const talk = talks.get(item.peer) ?? [];
  const at = talk.findIndex(({ id, from }) => id === item.id && from === item.from);
  const changed = at === -1 ? [...talk, item] : talk.with(at, item);
  return new Map(talks).set(item.peer, changed);
}

export function unreadIn(items: readonly TalkItem[] | undefined): number {
  return (items ?? []).filter((item) => item.unread).length;
}

export function unreadInAll(talks: Talks): number {
  let count = 0;
  for (const items of talks.values()) count += unreadIn(items);
  return count;
}

const PREVIEW_MAX = 80;

/** One line of plain text. */
export function preview({ body, from }: TalkItem): string {
  switch (body.kind) {
    case "text": {
      const said = body.text
        .slice(0, 4 * PREVIEW_MAX)
        .replaceAll(/\s+/g, " ")
        .trim()
        .slice(0, PREVIEW_MAX);
      return from === "me" ? `you: ${said}` : said;
    }
    case "file":
      return from === "me" ? `you: ${body.name}` : body.name;
    case "renamed":
      return `calls itself ${body.to} now`;
    case "unknown":
      return "a message of a newer version";
  }
}

/** What is known of something that was sent, never more than that. */
export const DELIVERY: Record<SentState, ShownState> = {
  queued: { mark: "unknown", word: "queued", reason: "It waits in this browser for the hub." },
  relayed: { mark: "degraded", word: "relayed", reason: "The hub has it and keeps it for the device." },
  delivered: { mark: "live", word: "delivered", reason: "The device has signed that it has it." },
  dropped: { mark: "dead", word: "not delivered", reason: "The pairing ended before." },
};

function localDate(ms: number): string {
  const day = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
