// What makes vectors of texts, and how each model wants its texts. Changing a prefix is changing what vectors mean:
// the version in `passage-index.ts` changes with it.

export interface Embedder {
  /** What it can do it with now, the first choice first; none while it is away. */
  models(): readonly string[];
  /** Somebody has named the first: no other will do. */
  readonly isChosen: boolean;
  /** A vector for each text, all of one length. Rejects with a `MusterError`. */
  embed(texts: readonly string[], wish: { model: string; signal: AbortSignal }): Promise<number[][]>;
}

interface Prefixes {
  passage: string;
  query: string;
}

const SEARCHING = "Represent this sentence for searching relevant passages: ";
const NONE: Prefixes = { passage: "", query: "" };
/** From the models' own cards; without them they find less. */
const BY_NAME: readonly [RegExp, Prefixes][] = [
  [/nomic-embed/i, { passage: "search_document: ", query: "search_query: " }],
  [/embedding-?gemma/i, { passage: "title: none | text: ", query: "task: search result | query: " }],
  [/(?:^|[/-])e5-(?!mistral)/i, { passage: "passage: ", query: "query: " }],
  [/arctic-embed(?:2|-[a-z]+-v2)/i, { passage: "", query: "query: " }],
  [/mxbai-embed|arctic-embed|bge-(?:small|base|large)-en/i, { passage: "", query: SEARCHING }],
];

export function asPassage(model: string, text: string): string {
  return prefixesOf(model).passage + text;
}

export function asQuery(model: string, text: string): string {
  return prefixesOf(model).query + text;
}

function prefixesOf(model: string): Prefixes {
  return BY_NAME.find(([name]) => name.test(model))?.[1] ?? NONE;
}
