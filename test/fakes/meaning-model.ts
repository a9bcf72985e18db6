// An embedding model in a page: a text's vector is the sum of what its words stand for, and words of one row of the
// table stand for the same. As with real models all vectors lie close together, and words that look alike are alike.
import { ModelServer, type ModelServerOptions } from "./model-server.ts";

const ROWS: readonly (readonly string[])[] = [
  ["router", "wlan", "wifi", "internet", "network"],
  ["restart", "reboot", "plug", "power"],
  ["car", "automobile", "vehicle", "garage"],
  ["doctor", "physician", "appointment"],
  ["bread", "loaf", "flour", "dough"],
  ["backup", "copies", "restore", "recover"],
];
const CONCEPTS = new Map(ROWS.flatMap((row, at) => row.map((word) => [word, `concept ${at}`] as const)));
const STOP = new Set("a an the it is in of to by and how do i my at on for with its".split(" "));

/** Deterministic. With fewer dimensions what has nothing in common lies closer by chance. */
export function meaningOf(text: string, dimensions = 256): number[] {
  // All of them have this in common.
  const sum = Array.from({ length: dimensions }, () => 0.4);
  // As a model that was trained with them takes its prefixes.
  const said = text.replace(/^search_(?:query|document): /, "").toLowerCase();
  for (const word of said.match(/[\p{L}\p{N}]+/gu) ?? []) {
    if (STOP.has(word)) continue;
    add(sum, CONCEPTS.get(word) ?? word, 1);
    for (let at = 0; at + 3 <= word.length; at += 1) add(sum, word.slice(at, at + 3), 0.1);
  }
  return sum;
}

/** Serves it as the model "nomic-embed-text", or as another one with other dimensions. */
export function meaningServer(options: ModelServerOptions & { dimensions?: () => number } = {}): ModelServer {
  return new ModelServer({
    ...options,
    answer: (asked, signal) =>
      options.answer?.(asked, signal) ??
      (asked.path === "/v1/embeddings" ? embeddings(asked.body, options.dimensions?.()) : undefined),
  });
}

function embeddings({ input, model }: Record<string, unknown>, dimensions: number | undefined): Response {
  const texts = Array.isArray(input) ? input.map(String) : [String(input)];
  const data = texts.map((text, index) => ({
    object: "embedding",
    index,
    embedding: meaningOf(text, dimensions),
  }));
  return Response.json({ object: "list", data, model, usage: { prompt_tokens: 1, total_tokens: 1 } });
}

function add(sum: number[], name: string, weight: number): void {
  // FNV-1a for a seed, then a xorshift: numbers as good as random, and always the same.
  let state = 0x811c9dc5;
  for (const letter of name) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  state ||= 1;
  for (let at = 0; at < sum.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    sum[at] = (sum[at] ?? 0) + (weight * state) / 0x80000000;
  }
}
