// One list out of what was found by words and what was found by meaning. A text's rank is that by its words, raised by
// how close its meaning comes: 1 - (1 - words)(1 - closeness). So nothing ranks lower than it would by its words alone,
// and what devices with and without embeddings found can stand in one list.
import type { CloseText } from "./meaning-search.ts";
import type { FoundText } from "./text-index.ts";

export interface Fused {
  document: number;
  rank: number;
  /** At least one of both. */
  words?: FoundText;
  close?: CloseText;
}

export function fuse(words: readonly FoundText[], close: readonly CloseText[], limit: number): Fused[] {
  const found = new Map<number, Fused>();
  for (const each of words)
    found.set(each.document, { document: each.document, rank: each.rank, words: each });
  for (const each of close) {
    const { document, closeness } = each;
    const before = found.get(document) ?? { document, rank: 0 };
    found.set(document, { ...before, rank: 1 - (1 - before.rank) * (1 - closeness), close: each });
  }
  // In equals the order of the words stands.
  return [...found.values()].toSorted((one, other) => other.rank - one.rank).slice(0, limit);
}
