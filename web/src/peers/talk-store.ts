// What is said and sent, kept by the page: the library keeps a message only until it is delivered or read.
import type { TalkItem } from "./peers-state.ts";

export interface TalkStore {
  /** In the order of their times. */
  all(): Promise<TalkItem[]>;
  /** Durable when it resolves; in place of one with the same id and direction. `bytes` of a file, with its item. */
  put(item: TalkItem, bytes?: Uint8Array | Blob): Promise<void>;
  /** Undefined once they are gone. */
  bytes(item: TalkItem): Promise<Uint8Array | Blob | undefined>;
  remove(items: readonly TalkItem[]): Promise<void>;
}

/** Of one conversation, and of the files of all: a browser's space and memory are the person's. */
export const TALK_ITEMS_MAX = 2_000;
export const TALK_TEXT_MAX = 8 * 1024 * 1024;
export const TALK_BYTES_MAX = 1024 * 1024 * 1024;

/** What has to go for the newest to have room: whole items of the longest past, and the bytes of old files. */
export function overflowing(talks: ReadonlyMap<string, readonly TalkItem[]>): {
  items: TalkItem[];
  files: TalkItem[];
} {
  const items: TalkItem[] = [];
  const files: TalkItem[] = [];
  for (const talk of talks.values()) {
    let textLeft = TALK_TEXT_MAX;
    for (const [at, item] of talk.toReversed().entries()) {
      if (item.body.kind === "text") textLeft -= item.body.text.length;
      if (at >= TALK_ITEMS_MAX || (textLeft < 0 && at > 0)) items.push(item);
    }
  }
  const gone = new Set(items);
  let left = TALK_BYTES_MAX;
  const newestFirst = [...talks.values()].flat().toSorted((one, other) => other.at - one.at);
  for (const item of newestFirst) {
    if (item.body.kind !== "file" || !item.body.kept || gone.has(item)) continue;
    left -= item.body.size;
    if (left < 0) files.push(item);
  }
  return { items, files };
}
