// Makes the vectors of all passages, a batch at a time and never in a hurry: it rests as long as it works, gives way to
// searches, and waits ever longer while the model server fails. What is made is kept at once, so that it goes on where
// it was, whatever ends it.
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import type { Notices } from "../notices.ts";
import { asPassage, type Embedder } from "./embedder.ts";
import type { PassageCounts, PassageIndex, PendingPassage, Space } from "./passage-index.ts";
import { cosine, dimensionsOf, packVector, unitVector } from "./vectors.ts";
import { YARDSTICKS } from "./yardsticks.ts";

export interface BackgroundEmbeddingParts {
  index: PassageIndex;
  embedder: Embedder;
  clock: Pick<Clock, "monotonic">;
  timers: Pick<Timers, "after">;
  log: Log;
  notices: Pick<Notices, "set" | "clear">;
}

export interface EmbeddingState extends PassageCounts {
  /** "waiting": no model is there. */
  phase: "waiting" | "embedding" | "failing" | "complete";
  model: string | undefined;
  /** Why it is failing. */
  problem: string | undefined;
}

const BATCH_FIRST = 4;
const BATCH_MAX = 32;
/** A search that comes in between waits for the batch under way. */
const BATCH_SHORT_MS = 400;
const BATCH_LONG_MS = 1500;
const REST_MS = 100;
const CUT_REST_MS = 5;
const CUT_AT_ONCE = 4;
/** How often in a row it gives way to searches. */
const GIVE_WAY_MAX = 50;
const BACK_OFF_MS = 5000;
const BACK_OFF_MAX_MS = 600_000;
/** One failure may be a server that starts. */
const FAILURES_TOLD = 2;
/** Vectors of the same text by the same model are hardly ever further apart. */
const SAME_MODEL = 0.95;
/** A server whose model changes all the time is not followed: so often in so long. */
const BEGIN_MAX = 3;
const BEGIN_WITHIN_MS = 3_600_000;
/** A passage that is refused is tried whole, then its first half, then its first quarter. */
const SHORTENED = [1, 2, 4] as const;
const SHORTENED_MIN_CHARACTERS = 100;
const NOTICE = "knowledgebase embeddings";

export class BackgroundEmbedding {
  readonly #parts: BackgroundEmbeddingParts;
  readonly #closed = new AbortController();
  #running: Promise<void> | undefined;
  #next: Timer | undefined;
  #isWanted = false;
  #phase: EmbeddingState["phase"] = "waiting";
  #problem: string | undefined;
  #failures = 0;
  #batch = BATCH_FIRST;
  #searches = 0;
  #gaveWay = 0;
  /** The model behind the name is the one that made what is kept: so it was when so many doubts had come. */
  #checkedAt = -1;
  #doubts = 0;
  #begunAtMs: number[] = [];

  constructor(parts: BackgroundEmbeddingParts) {
    this.#parts = parts;
  }

  /** There may be something new to do. */
  wake(): void {
    if (this.#closed.signal.aborted) return;
    if (this.#running !== undefined) this.#isWanted = true;
    else if (this.#next === undefined) this.#go();
  }

  /** Another model server, or none, or the same one again: what was wrong with it no longer counts. */
  embedderChanged(): void {
    this.#failures = 0;
    this.doubt();
  }

  /** The vectors of the model seem to be of another kind than those that are kept. */
  doubt(): void {
    this.#doubts += 1;
    this.#next?.cancel();
    this.#next = undefined;
    this.wake();
  }

  /** No batch begins while this work goes on. */
  async yieldTo<Result>(work: Promise<Result>): Promise<Result> {
    this.#searches += 1;
    try {
      return await work;
    } finally {
      this.#searches -= 1;
    }
  }

  get state(): EmbeddingState {
    const model = this.#parts.index.space()?.model ?? this.#model(undefined);
    return { phase: this.#phase, problem: this.#problem, model, ...this.#parts.index.counts() };
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#next?.cancel();
    await this.#running;
  }

  #go(): void {
    this.#next = undefined;
    this.#isWanted = false;
    this.#running = this.#step().then((waitMs) => {
      this.#running = undefined;
      if (this.#closed.signal.aborted) return;
      if (waitMs !== undefined) this.#next = this.#parts.timers.after(waitMs, () => this.#go());
      else if (this.#isWanted) this.#go();
    });
  }

  /** How long to wait for the next step; undefined when there is nothing to do. */
  async #step(): Promise<number | undefined> {
    try {
      const waitMs = await this.#advance();
      if (this.#phase !== "failing") this.#problem = undefined;
      if (!this.#closed.signal.aborted) this.#tell();
      return waitMs;
    } catch (error) {
      return this.#closed.signal.aborted ? undefined : this.#failed(error);
    }
  }

  async #advance(): Promise<number | undefined> {
    const { index } = this.#parts;
    const space = index.space();
    const model = this.#model(space);
    if (model === undefined) {
      this.#phase = "waiting";
      return undefined;
    }
    if (this.#searches > 0 && this.#gaveWay < GIVE_WAY_MAX) {
      this.#gaveWay += 1;
      return REST_MS;
    }
    this.#gaveWay = 0;
    if (space?.model !== model) return this.#begin(model);
    if (this.#checkedAt !== this.#doubts) return this.#check(space);
    if (index.cutSome(CUT_AT_ONCE)) return CUT_REST_MS;
    index.sweep();
    const batch = index.pending(this.#batch);
    if (batch.length === 0) {
      if (this.#phase === "embedding") this.#parts.log.info("the knowledgebase is embedded", { model });
      this.#phase = "complete";
      return undefined;
    }
    this.#phase = "embedding";
    return this.#embedBatch(batch, space);
  }

  /** The one that has made what is kept, unless another one was named. */
  #model(space: Space | undefined): string | undefined {
    const { embedder } = this.#parts;
    const offered = embedder.models();
    const isKept = space !== undefined && !embedder.isChosen && offered.includes(space.model);
    return isKept ? space.model : offered[0];
  }

  async #begin(model: string): Promise<number> {
    const { clock, index, log } = this.#parts;
    const nowMs = clock.monotonic();
    const doubts = this.#doubts;
    this.#begunAtMs = this.#begunAtMs.filter((atMs) => nowMs - atMs < BEGIN_WITHIN_MS);
    if (this.#begunAtMs.length >= BEGIN_MAX) {
      throw new MusterError("app_broken", `the model has changed ${BEGIN_MAX} times within an hour`);
    }
    const yardsticks = (await this.#embed(YARDSTICKS, model)).filter((vector) => vector !== undefined);
    const [first] = yardsticks;
    if (first === undefined || yardsticks.length < YARDSTICKS.length) {
      throw new MusterError("app_broken", "the model server sent embeddings of nothing but zeros");
    }
    log.info("the knowledgebase is embedded anew", { model });
    index.begin({ model, dimensions: dimensionsOf(first), yardsticks });
    this.#begunAtMs.push(nowMs);
    this.#checkedAt = doubts;
    this.#phase = "embedding";
    this.#failures = 0;
    return REST_MS;
  }

  async #check(space: Space): Promise<number> {
    const [kept] = space.yardsticks;
    const doubts = this.#doubts;
    const [now] = await this.#embed(YARDSTICKS.slice(0, 1), space.model);
    const isSame =
      kept !== undefined &&
      now !== undefined &&
      now.length === kept.length &&
      cosine(unitVector(kept), now) >= SAME_MODEL;
    if (!isSame) return this.#begin(space.model);
    this.#checkedAt = doubts;
    this.#failures = 0;
    return REST_MS;
  }

  async #embedBatch(batch: readonly PendingPassage[], space: Space): Promise<number> {
    const { clock, index } = this.#parts;
    const beganAtMs = clock.monotonic();
    const [only, ...others] = batch;
    if (only !== undefined && others.length === 0) await this.#embedOne(only, space);
    else {
      try {
        const vectors = await this.#embedIn(
          space,
          batch.map(({ text }) => text),
        );
        index.keep(batch.map(({ hash }, at) => ({ hash, vector: vectors[at] ?? "refused" })));
      } catch (error) {
        if (isNoUseTrying(error) || this.#closed.signal.aborted) throw error;
        // One of them may be the cause; one by one it is found.
        this.#batch = 1;
        return REST_MS;
      }
    }
    const tookMs = clock.monotonic() - beganAtMs;
    if (tookMs < BATCH_SHORT_MS) this.#batch = Math.min(BATCH_MAX, this.#batch * 2);
    else if (tookMs > BATCH_LONG_MS) this.#batch = Math.max(1, Math.floor(this.#batch / 2));
    this.#failures = 0;
    return Math.max(REST_MS, tookMs);
  }

  /** A model that takes another text and not this one has refused it; else it is the server that fails. */
  async #embedOne({ hash, text }: PendingPassage, space: Space): Promise<void> {
    const { index, log } = this.#parts;
    for (const share of SHORTENED) {
      if (share > 1 && text.length / share < SHORTENED_MIN_CHARACTERS) break;
      try {
        const [vector] = await this.#embedIn(space, [text.slice(0, text.length / share).toWellFormed()]);
        return index.keep([{ hash, vector: vector ?? "refused" }]);
      } catch (error) {
        if (isNoUseTrying(error) || this.#closed.signal.aborted) throw error;
        await this.#embedIn(space, YARDSTICKS.slice(0, 1));
        log.debug("a passage was refused", { share, problem: publicError(error).message });
      }
    }
    index.keep([{ hash, vector: "refused" }]);
  }

  async #embedIn(space: Space, texts: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const vectors = await this.#embed(texts, space.model);
    if (vectors.every((vector) => vector === undefined || dimensionsOf(vector) === space.dimensions))
      return vectors;
    this.#doubts += 1;
    throw new MusterError("app_broken", "the model server's embeddings have changed their length");
  }

  async #embed(texts: readonly string[], model: string): Promise<(Uint8Array | undefined)[]> {
    const { signal } = this.#closed;
    const prepared = texts.map((text) => asPassage(model, text));
    const vectors = await this.#parts.embedder.embed(prepared, { model, signal });
    signal.throwIfAborted(); // the database may be closed by now
    return vectors.map(packVector);
  }

  #failed(error: unknown): number {
    const { log } = this.#parts;
    const { message } = publicError(error);
    if (message !== this.#problem) log.warn("the knowledgebase could not be embedded", { error });
    this.#problem = message;
    this.#phase = "failing";
    this.#failures += 1;
    if (this.#failures >= FAILURES_TOLD) {
      try {
        this.#tell();
      } catch (untold) {
        // It is the database that fails: how far it was can't be said either.
        log.debug("the state of the knowledgebase can't be read", { error: untold });
      }
    }
    return Math.min(BACK_OFF_MAX_MS, BACK_OFF_MS * 2 ** (this.#failures - 1));
  }

  #tell(): void {
    const { notices } = this.#parts;
    const { phase, problem, embedded, passages, uncutTexts } = this.state;
    const share = `${embedded} of ${passages} passages`;
    if (phase === "failing") {
      notices.set(
        NOTICE,
        `the knowledgebase has embedded ${share} and tries again: ${problem ?? "it is not known why"}`,
      );
    } else if (phase === "embedding") notices.set(NOTICE, `the knowledgebase has embedded ${share} so far`);
    else if (phase === "complete" && uncutTexts > 0) {
      notices.set(
        NOTICE,
        `the knowledgebase has embedded ${passages} passages, all it has room for; ` +
          `${uncutTexts} texts are found by their words alone`,
      );
    } else notices.clear(NOTICE);
  }
}

/** It is not about what was sent. */
function isNoUseTrying(error: unknown): boolean {
  return error instanceof MusterError && (error.code === "too_many" || error.code === "not_found");
}
