// `knowledgebase 1.0.0`: folders of text and Markdown that this device's owner searches by a signed query. Files are
// looked at now and then, and read again only where they changed; what the texts mean is found out behind that.
import type { Crypto } from "../../identity/crypto.ts";
import type { Log } from "../../protocol/log.ts";
import type { Clock, Disk, SqliteDatabase, Timer, Timers } from "../../world/world.ts";
import type { Capability, CapabilitySource } from "../capabilities/capability.ts";
import { listedCapability } from "../capabilities/listed-capability.ts";
import type { Notices } from "../notices.ts";
import type { Answerer } from "../queries/query-desk.ts";
import { BackgroundEmbedding } from "./background-embedding.ts";
import type { Embedder } from "./embedder.ts";
import { knowledgebaseState } from "./knowledgebase-state.ts";
import { MeaningSearch } from "./meaning-search.ts";
import { PassageIndex } from "./passage-index.ts";
import { answerSearch, type SearchParts } from "./search-answer.ts";
import { readText, textFiles, type TextFile } from "./text-files.ts";
import { TextIndex, type IndexedText } from "./text-index.ts";

export interface KnowledgebaseParts {
  disk: Pick<Disk, "info" | "list" | "open" | "realPath" | "remove">;
  clock: Pick<Clock, "monotonic">;
  timers: Pick<Timers, "after" | "soon">;
  crypto: Pick<Crypto, "sha256">;
  log: Log;
  notices: Pick<Notices, "set" | "clear">;
  openSqlite(path: string): SqliteDatabase;
  /** Absolute. */
  folders: readonly string[];
  /** Where the index is. */
  indexPath: string;
  /** What makes vectors of texts, or why nothing may. */
  embedder: Embedder | { whyNot: string };
}

const LOOK_EVERY_MS = 60_000;
/** A look that takes long is made as much less often. */
const REST_TIMES = 20;
const FILES_MAX = 20_000;
/** Files of other kinds and folders count too: somebody may name a whole disk. */
const ENTRIES_MAX = 200_000;
/** Read together and stored together. */
const STEP_FILES = 32;
const TITLE_MAX_CHARACTERS = 200;

interface Meanings {
  passages: PassageIndex;
  embedding: BackgroundEmbedding;
  search: MeaningSearch;
}

export class Knowledgebase implements CapabilitySource {
  readonly capabilities: readonly Capability[] = [listedCapability("knowledgebase", "read")];
  readonly answers = {
    SearchKnowledgebase: (params: unknown, _sight: unknown, waitMs?: number) =>
      answerSearch(this.#searched, params, waitMs),
  };
  readonly queries: Readonly<Record<string, Answerer>> = {
    KnowledgebaseState: async () => ({ items: [this.#state()] }),
  };
  readonly #parts: KnowledgebaseParts;
  readonly #index: TextIndex;
  readonly #meanings: Meanings | { whyNot: string };
  #next: Timer | undefined;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  private constructor(parts: KnowledgebaseParts, { texts, passages }: Indexes) {
    const { embedder } = parts;
    this.#parts = parts;
    this.#index = texts;
    this.#meanings = "whyNot" in embedder ? embedder : meaningsOf(parts, { passages, embedder });
    void this.#round();
  }

  static async open(parts: KnowledgebaseParts): Promise<Knowledgebase> {
    return new Knowledgebase(parts, await openIndexes(parts));
  }

  /** Another model server, or none, or the same one again. */
  embedderChanged(): void {
    if ("embedding" in this.#meanings) this.#meanings.embedding.embedderChanged();
  }

  /** Resolves when the index is as the folders are now. */
  look(): Promise<void> {
    this.#looking ??= this.#follow().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#next?.cancel();
    await this.#looking?.catch(() => {}); // it was told in its own round
    if ("embedding" in this.#meanings) {
      await this.#meanings.embedding.close();
      await this.#meanings.search.close();
    }
    this.#index.close();
  }

  async #round(): Promise<void> {
    const { clock, log, timers, notices } = this.#parts;
    const beganAtMs = clock.monotonic();
    try {
      await this.look();
      notices.clear("knowledgebase");
      if ("embedding" in this.#meanings) this.#meanings.embedding.wake();
    } catch (error) {
      log.error("the knowledgebase could not be indexed", { error });
      notices.set("knowledgebase", "the knowledgebase is not up to date; see the log");
    }
    const waitMs = Math.max(LOOK_EVERY_MS, REST_TIMES * (clock.monotonic() - beganAtMs));
    if (!this.#isClosed) this.#next = timers.after(waitMs, () => void this.#round());
  }

  async #follow(): Promise<void> {
    const { disk, folders, log, notices } = this.#parts;
    const known = this.#index.known();
    const gone = new Set(known.keys());
    let changed: TextFile[] = [];
    let count = 0;
    const budget = { entries: ENTRIES_MAX };
    for (const folder of folders) {
      for await (const file of textFiles(disk, folder, budget)) {
        if (this.#isClosed) return;
        if (count >= FILES_MAX) break;
        count += 1;
        gone.delete(file.path);
        const before = known.get(file.path);
        if (before?.size === file.size && before.modifiedAt === file.modifiedAt) continue;
        // Two folders, one in the other, have it once.
        known.set(file.path, file);
        changed.push(file);
        if (changed.length < STEP_FILES) continue;
        await this.#store(changed);
        changed = [];
      }
    }
    await this.#store(changed);
    if (this.#isClosed) return;
    if (gone.size > 0) this.#index.change({ put: [], remove: [...gone] });
    if (count < FILES_MAX && budget.entries > 0) notices.clear("knowledgebase full");
    else {
      notices.set(
        "knowledgebase full",
        `the knowledgebase holds ${count} texts; there is too much in its folders to find the others`,
      );
    }
    log.debug("the knowledgebase was looked at", { texts: count });
  }

  async #store(files: readonly TextFile[]): Promise<void> {
    const put: IndexedText[] = [];
    const remove: string[] = [];
    for (const file of files) {
      const body = await readText(this.#parts.disk, file);
      if (body === undefined) remove.push(file.path);
      else put.push({ ...file, title: titleOf(body, file.shown), body });
    }
    if (!this.#isClosed && files.length > 0) this.#index.change({ put, remove });
  }

  get #searched(): SearchParts {
    const meanings = this.#meanings;
    return {
      crypto: this.#parts.crypto,
      texts: this.#index,
      byMeaning: "search" in meanings ? meanings : undefined,
    };
  }

  #state(): object {
    return knowledgebaseState(
      this.#index.count,
      "embedding" in this.#meanings ? this.#meanings.embedding : this.#meanings,
    );
  }
}

interface Indexes {
  texts: TextIndex;
  passages: PassageIndex;
}

function meaningsOf(
  parts: KnowledgebaseParts,
  { passages, embedder }: { passages: PassageIndex; embedder: Embedder },
): Meanings {
  const embedding = new BackgroundEmbedding({ ...parts, index: passages, embedder });
  const search = new MeaningSearch({ timers: parts.timers, index: passages, embedder, embedding });
  return { passages, embedding, search };
}

/** An index that can't be used is made anew: all that is in it is in the folders. */
async function openIndexes({
  openSqlite,
  indexPath,
  disk,
  log,
  crypto,
}: KnowledgebaseParts): Promise<Indexes> {
  const indexesIn = (from: SqliteDatabase): Indexes => ({
    texts: new TextIndex(from),
    passages: new PassageIndex(from, crypto),
  });
  let db: SqliteDatabase | undefined;
  try {
    db = openSqlite(indexPath);
    return indexesIn(db);
  } catch (error) {
    log.warn("the index of the knowledgebase is made anew", { error });
    db?.close();
    for (const suffix of ["", "-wal", "-shm"]) await disk.remove(`${indexPath}${suffix}`).catch(() => {}); // not there
    return indexesIn(openSqlite(indexPath));
  }
}

/** Its first heading, else the name of its file. */
function titleOf(body: string, shown: string): string {
  const heading = /^#{1,6}[ \t]+(.+?)[ \t]*#*$/m.exec(body.slice(0, 4096))?.[1];
  const name = shown.slice(shown.lastIndexOf("/") + 1).replace(/\.[^.]+$/, "");
  return (heading ?? name).slice(0, TITLE_MAX_CHARACTERS);
}
