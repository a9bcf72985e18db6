// Finds texts by what they mean: the question becomes a vector too, and is compared with that of each passage. It takes
// the time that it was given and no more; whoever asks has the words at hand.
//
// How close a passage is: (cosine - usual) / (1 - usual), where `usual` is the mean over all passages and yardsticks.
// That is 0 for what has nothing to do with the question and about 0.3 to 0.6 for an answer, whatever the model, where
// the bare cosine is 0.1 to 0.5 for one model and 0.7 to 0.9 for the next. So devices with different models compare.
import { publicError } from "../../protocol/errors.ts";
import type { Timers } from "../../world/world.ts";
import type { BackgroundEmbedding } from "./background-embedding.ts";
import { asQuery, type Embedder } from "./embedder.ts";
import type { PassageIndex, Space } from "./passage-index.ts";
import { cosine, dimensionsOf, packVector, unitVector } from "./vectors.ts";

export interface MeaningSearchParts {
  index: PassageIndex;
  embedder: Embedder;
  embedding: Pick<BackgroundEmbedding, "yieldTo" | "doubt">;
  timers: Pick<Timers, "after" | "soon">;
}

export interface CloseText {
  document: number;
  /** Above 0, at most 1. */
  closeness: number;
  /** The passage of it that is closest. */
  meaning: number;
}

/** `note`: not all passages could be compared. */
export type MeaningAnswer = { found: CloseText[]; note?: string } | { missing: string };

/** With the models that were tried, what answers is above and what does not is below. */
const CLOSE_ENOUGH = 0.25;
/** A model for which everything is the same finds nothing, instead of anything. */
const ROOM_MIN = 0.1;
const AT_ONCE = 4;
/** Read together: a few milliseconds during which nothing else is done. */
const PIECE = 512;
/** Of all passages; several may be of one text. */
const NEAREST = 400;

export class MeaningSearch {
  readonly #parts: MeaningSearchParts;
  readonly #running = new Map<AbortController, Promise<unknown>>();

  constructor(parts: MeaningSearchParts) {
    this.#parts = parts;
  }

  /** The closest texts first, or why this is not known; undefined where nothing was ever embedded. Never rejects. */
  async find(question: string, wish: { count: number; waitMs: number }): Promise<MeaningAnswer | undefined> {
    try {
      const space = this.#parts.index.space();
      return space === undefined ? undefined : await this.#findIn(space, question, wish);
    } catch (error) {
      return { missing: publicError(error).message };
    }
  }

  async #findIn(
    space: Space,
    question: string,
    { count, waitMs }: { count: number; waitMs: number },
  ): Promise<MeaningAnswer> {
    const { embedder, embedding, timers } = this.#parts;
    if (!embedder.models().includes(space.model)) return { missing: `the model ${space.model} is away` };
    if (this.#running.size >= AT_ONCE) return { missing: "too many searches at once" };
    const late = new AbortController();
    const timer = timers.after(waitMs, () => late.abort());
    const isLate = new Promise<MeaningAnswer>((resolve) => {
      late.signal.addEventListener("abort", () => resolve({ missing: "the model server takes too long" }));
    });
    // Its place is free again when the work is over, not when nobody waits for it any more.
    const work = embedding
      .yieldTo(this.#compare(space, { question, count, signal: late.signal }))
      .finally(() => this.#running.delete(late));
    this.#running.set(late, work);
    try {
      return await Promise.race([isLate, work]);
    } finally {
      timer.cancel();
    }
  }

  /** Nothing looks into the database any more when it resolves. */
  async close(): Promise<void> {
    const works = [...this.#running.values()];
    for (const late of this.#running.keys()) late.abort();
    await Promise.allSettled(works);
  }

  async #compare(
    space: Space,
    { question, count, signal }: { question: string; count: number; signal: AbortSignal },
  ): Promise<MeaningAnswer> {
    const { embedder, embedding, index } = this.#parts;
    const { model } = space;
    const [values] = await embedder.embed([asQuery(model, question)], { model, signal });
    signal.throwIfAborted();
    const packed = packVector(values ?? []);
    if (packed === undefined) return { missing: "the model server sent no embedding" };
    if (dimensionsOf(packed) !== space.dimensions) {
      embedding.doubt();
      return { missing: "the model server's embeddings have changed their length" };
    }
    const unit = unitVector(packed);
    const near = new Nearest(NEAREST);
    for (const yardstick of space.yardsticks) near.measure(cosine(unit, yardstick));
    for (let at = 0; ;) {
      const piece = index.vectors(at, PIECE);
      for (const { id, vector } of piece) {
        if (vector.length === packed.length) near.add(id, cosine(unit, vector));
        at = id;
      }
      if (piece.length < PIECE) break;
      await this.#pause();
      signal.throwIfAborted();
    }
    if (index.space()?.model !== model) return { missing: "the model has changed" };
    const found = textsOf(near.closest(), { index, count });
    const { embedded, leftOut, passages } = index.counts();
    if (embedded + leftOut >= passages) return { found };
    return { found, note: `searched by meaning in ${embedded} of ${passages} passages so far` };
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#parts.timers.soon(resolve));
  }
}

interface Near {
  id: number;
  value: number;
}

/** The largest values of many, and how close each is when all are known. */
class Nearest {
  readonly #keptMax: number;
  #kept: Near[] = [];
  #least = -Infinity;
  #sum = 0;
  #count = 0;

  constructor(keptMax: number) {
    this.#keptMax = keptMax;
  }

  /** Counts for what is usual, and is no answer. */
  measure(value: number): void {
    this.#sum += value;
    this.#count += 1;
  }

  add(id: number, value: number): void {
    this.measure(value);
    if (value <= this.#least) return;
    this.#kept.push({ id, value });
    if (this.#kept.length >= 2 * this.#keptMax) this.#trim();
  }

  closest(): { meaning: number; closeness: number }[] {
    this.#trim();
    const usual = this.#sum / this.#count;
    const room = Math.max(ROOM_MIN, 1 - usual);
    return this.#kept
      .map(({ id, value }) => ({ meaning: id, closeness: Math.min(1, (value - usual) / room) }))
      .filter(({ closeness }) => closeness >= CLOSE_ENOUGH);
  }

  #trim(): void {
    this.#kept = this.#kept
      .toSorted((one, other) => other.value - one.value || one.id - other.id)
      .slice(0, this.#keptMax);
    if (this.#kept.length === this.#keptMax) this.#least = this.#kept.at(-1)?.value ?? -Infinity;
  }
}

function textsOf(
  near: readonly { meaning: number; closeness: number }[],
  { index, count }: { index: PassageIndex; count: number },
): CloseText[] {
  const found = new Map<number, CloseText>();
  for (const { meaning, closeness } of near) {
    for (const document of index.documentsWith(meaning, count)) {
      if (found.size >= count) return [...found.values()];
      if (!found.has(document)) found.set(document, { document, meaning, closeness });
    }
  }
  return [...found.values()];
}
