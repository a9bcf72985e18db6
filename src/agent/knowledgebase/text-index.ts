// The full-text index: a database that can be made again from the texts at any time, so that a damaged one, or one of
// another version, is thrown away. Synchronous, as SQLite is; whoever fills it does so in small steps.
import type { SqliteDatabase } from "../../world/world.ts";

export interface IndexedText {
  path: string;
  shown: string;
  title: string;
  body: string;
  size: number;
  modifiedAt: number;
}

export interface FoundText {
  document: number;
  path: string;
  title: string;
  snippet: string;
  /** 0 to 1. */
  rank: number;
  modifiedAt: number;
}

const VERSION = 1;
const TERMS_MAX = 16;
/** A word in a title says more than one in the text. */
const SCORE = "bm25(texts, 4.0, 1.0)";
const SNIPPET = "snippet(texts, 1, '', '', '…', 32)";

export class TextIndex {
  readonly #db: SqliteDatabase;

  /** Throws what the database throws where it is none of ours. */
  constructor(db: SqliteDatabase) {
    this.#db = db;
    db.exec("PRAGMA synchronous = NORMAL");
    const [row] = db.query("PRAGMA user_version").all();
    if (row?.["user_version"] === VERSION) return;
    if (row?.["user_version"] !== 0) throw new Error("an index of another version");
    db.exec(`CREATE TABLE documents (
      id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, shown TEXT NOT NULL,
      size INTEGER NOT NULL, modified_at REAL NOT NULL) STRICT`);
    db.exec(
      `CREATE VIRTUAL TABLE texts USING fts5(title, body, tokenize = 'porter unicode61 remove_diacritics 2')`,
    );
    db.exec(`PRAGMA user_version = ${VERSION}`);
  }

  /** Path to what its file was when it was read. */
  known(): Map<string, { size: number; modifiedAt: number }> {
    const rows = this.#db.query("SELECT path, size, modified_at FROM documents").all();
    return new Map(
      rows.map(({ path, size, modified_at: at }) => [
        String(path),
        { size: Number(size), modifiedAt: Number(at) },
      ]),
    );
  }

  get count(): number {
    return Number(this.#db.query("SELECT count(*) AS count FROM documents").all()[0]?.["count"] ?? 0);
  }

  /** All or none of them. */
  change({ put, remove }: { put: readonly IndexedText[]; remove: readonly string[] }): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      for (const path of [...remove, ...put.map((text) => text.path)]) this.#remove(path);
      for (const text of put) this.#put(text);
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** What has all of the words first, then what has some of them. */
  search(words: string, limit: number): FoundText[] {
    const terms = termsIn(words);
    if (terms.length === 0) return [];
    const all = this.#match(terms.join(" AND "), limit).map((each) => ({
      ...each,
      rank: 0.5 + 0.5 * each.rank,
    }));
    if (all.length >= limit || terms.length === 1) return all;
    const found = new Set(all.map(({ document }) => document));
    const some = this.#match(terms.join(" OR "), limit + all.length).filter(
      ({ document }) => !found.has(document),
    );
    return [...all, ...this.#weighed(some, terms)].slice(0, limit);
  }

  close(): void {
    this.#db.close();
  }

  /**
   * At most 0.5, and less the less of the question it has: "the" is in every text and says nothing, which a question
   * in whole sentences is full of.
   */
  #weighed(found: readonly FoundText[], terms: readonly string[]): FoundText[] {
    const count = this.count;
    const documents = JSON.stringify(found.map(({ document }) => document));
    const having = this.#db.query(
      `SELECT count(*) AS count,
         json_group_array(rowid) FILTER (WHERE rowid IN (SELECT value FROM json_each(?))) AS found
       FROM texts WHERE texts MATCH ?`,
    );
    const weights = new Map(found.map(({ document }) => [document, 0]));
    let whole = 0;
    for (const term of terms) {
      const [row] = having.all(documents, term);
      const weight = Math.log(1 + (count + 1) / (Number(row?.["count"] ?? 0) + 1));
      whole += weight;
      const those = JSON.parse(String(row?.["found"] ?? "[]")) as number[]; // SQLite has made it
      for (const document of those) weights.set(document, (weights.get(document) ?? 0) + weight);
    }
    return found
      .map((each) => ({ ...each, rank: (0.5 * each.rank * (weights.get(each.document) ?? 0)) / whole }))
      .toSorted((one, other) => other.rank - one.rank);
  }

  /** The best has the rank 1, the others their share of it. */
  #match(expression: string, limit: number): FoundText[] {
    const rows = this.#db
      .query(
        `SELECT documents.id AS document, shown, modified_at, title, ${SNIPPET} AS snippet, ${SCORE} AS score
         FROM texts JOIN documents ON documents.id = texts.rowid
         WHERE texts MATCH ? ORDER BY score, shown LIMIT ?`,
      )
      .all(expression, limit);
    // SQLite's scores are negative, the best is the least.
    const best = Math.min(...rows.map(({ score }) => Number(score)));
    return rows.map(({ document, shown, title, snippet, score, modified_at: at }) => ({
      document: Number(document),
      path: String(shown),
      title: String(title),
      snippet: String(snippet).replaceAll(/\s+/g, " ").trim(),
      rank: best < 0 ? Math.max(0, Number(score) / best) : 1,
      modifiedAt: Number(at),
    }));
  }

  #put({ path, shown, title, body, size, modifiedAt }: IndexedText): void {
    const { lastInsertRowid: id } = this.#db
      .query("INSERT INTO documents (path, shown, size, modified_at) VALUES (?, ?, ?, ?)")
      .run(path, shown, size, modifiedAt);
    this.#db.query("INSERT INTO texts (rowid, title, body) VALUES (?, ?, ?)").run(id, title, body);
  }

  #remove(path: string): void {
    this.#db.query("DELETE FROM texts WHERE rowid = (SELECT id FROM documents WHERE path = ?)").run(path);
    this.#db.query("DELETE FROM documents WHERE path = ?").run(path);
  }
}

/** As expressions of the index, each once. */
function termsIn(words: string): string[] {
  const terms = words
    .toLowerCase()
    // A NUL would end the expression within its quotes.
    .split(/[\s\0]+/)
    .filter((term) => /[\p{L}\p{N}]/u.test(term));
  return [...new Set(terms)].slice(0, TERMS_MAX).map((term) => `"${term.replaceAll('"', '""')}"`);
}
