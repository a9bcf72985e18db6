// The passages of the indexed texts and what a model makes of each, in the database of the full-text index. A vector
// belongs to the content of a passage (its hash), so that it outlives its text being moved, copied or changed
// elsewhere. All of it can be made again: what another model or another version has made is thrown away.
import type { Crypto } from "../../identity/crypto.ts";
import { utf8 } from "../../protocol/bytes.ts";
import type { SqliteDatabase, SqliteValue } from "../../world/world.ts";
import { passagesOf } from "./passages.ts";

/** What the vectors can be compared with. */
export interface Space {
  model: string;
  dimensions: number;
  /** Vectors of texts that have nothing to do with these (`yardsticks.ts`). */
  yardsticks: readonly Uint8Array[];
}

export interface PendingPassage {
  hash: Uint8Array;
  /** With the title of its text. Empty where that can't be read. */
  text: string;
}

export interface PassageCounts {
  /** Different ones. */
  passages: number;
  embedded: number;
  /** That the model did not take. */
  leftOut: number;
  /** Texts that are not cut into passages, yet or for want of room. */
  uncutTexts: number;
}

export interface PlacedPassage {
  document: number;
  title: string;
  /** Of its text: below its folder. */
  shown: string;
  text: string;
  modifiedAt: number;
}

/** A search compares with each and reads all: an eighth of a second for 50,000 passages of 768 numbers. */
const MOST = { passages: 50_000, vectorBytes: 64 * 1024 * 1024 };
const PER_TEXT_MAX = 500;
const HASH_BYTES = 16;
/** Another one cuts or reads texts differently: all is made anew. */
const VERSION = "1";
const REFUSED = new Uint8Array();
// Joins are CROSS JOINs: SQLite keeps their order, where it would else read the whole full-text table first.
const TABLES = `
  CREATE TABLE space (
    id INTEGER PRIMARY KEY CHECK (id = 1), version TEXT NOT NULL, model TEXT NOT NULL,
    dimensions INTEGER NOT NULL, yardsticks BLOB NOT NULL) STRICT;
  CREATE TABLE meanings (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, vector BLOB) STRICT;
  CREATE INDEX meanings_pending ON meanings (id) WHERE vector IS NULL;
  CREATE INDEX meanings_refused ON meanings (id) WHERE vector = x'';
  CREATE TABLE passages (
    document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE, start INTEGER NOT NULL,
    length INTEGER NOT NULL, meaning INTEGER NOT NULL REFERENCES meanings (id),
    PRIMARY KEY (document, start)) STRICT, WITHOUT ROWID;
  CREATE INDEX passages_meaning ON passages (meaning);
  CREATE TABLE uncut (document INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE) STRICT;
  CREATE TABLE loose (meaning INTEGER PRIMARY KEY) STRICT;
  CREATE TRIGGER passages_new AFTER INSERT ON documents BEGIN INSERT INTO uncut VALUES (new.id); END;
  CREATE TRIGGER passages_gone AFTER DELETE ON passages BEGIN
    INSERT OR IGNORE INTO loose VALUES (old.meaning); END;
  INSERT INTO uncut SELECT id FROM documents;`;

export class PassageIndex {
  readonly #db: SqliteDatabase;
  readonly #crypto: Pick<Crypto, "sha256">;
  readonly #most: typeof MOST;

  /** Of a database that a `TextIndex` has opened. */
  constructor(db: SqliteDatabase, crypto: Pick<Crypto, "sha256">, most = MOST) {
    this.#db = db;
    this.#crypto = crypto;
    this.#most = most;
  }

  /** Undefined until a model has said what its vectors are like. */
  space(): Space | undefined {
    if (!this.#isThere()) return undefined;
    const [row] = this.#db
      .query("SELECT model, dimensions, yardsticks FROM space WHERE version = ?")
      .all(VERSION);
    if (row === undefined) return undefined;
    const dimensions = Number(row["dimensions"]);
    return {
      model: String(row["model"]),
      dimensions,
      yardsticks: split(bytesIn(row["yardsticks"]), packedLength(dimensions)),
    };
  }

  /** All that an earlier model has made goes, and all texts are to be cut. */
  begin({ model, dimensions, yardsticks }: Space): void {
    const all = new Uint8Array(yardsticks.length * packedLength(dimensions));
    for (const [at, vector] of yardsticks.entries()) all.set(vector, at * packedLength(dimensions));
    this.#together(() => {
      for (const trigger of ["passages_new", "passages_gone"]) {
        this.#db.exec(`DROP TRIGGER IF EXISTS ${trigger}`);
      }
      for (const table of ["loose", "uncut", "passages", "meanings", "space"]) {
        this.#db.exec(`DROP TABLE IF EXISTS ${table}`);
      }
      this.#db.exec(TABLES);
      this.#db
        .query("INSERT INTO space (id, version, model, dimensions, yardsticks) VALUES (1, ?, ?, ?, ?)")
        .run(VERSION, model, dimensions, all);
    });
  }

  /** Cuts up to so many texts into passages. False: there is none left, or no room. */
  cutSome(countMax: number): boolean {
    let isMore = true;
    this.#together(() => {
      let room = this.#roomFor(this.space()?.dimensions ?? 1);
      for (let cut = 0; cut < countMax && isMore; cut += 1) {
        const [row] = this.#db
          .query(
            `SELECT document, title, body FROM uncut CROSS JOIN texts ON texts.rowid = document ORDER BY document LIMIT 1`,
          )
          .all();
        if (row === undefined) isMore = false;
        else {
          const taken = this.#cut(Number(row["document"]), textIn(row["title"]), textIn(row["body"]), room);
          if (taken === undefined) isMore = false;
          else room -= taken;
        }
      }
    });
    return isMore;
  }

  /** In the order in which they were found. */
  pending(countMax: number): PendingPassage[] {
    return this.#db
      .query(
        `SELECT hash, title, substr(body, start + 1, length) AS text
         FROM meanings CROSS JOIN passages ON meaning = meanings.id CROSS JOIN texts ON texts.rowid = document
         WHERE vector IS NULL GROUP BY meanings.id ORDER BY meanings.id LIMIT ?`,
      )
      .all(countMax)
      .map(({ hash, title, text }) => ({
        hash: bytesIn(hash),
        text: withTitle(textIn(title), textIn(text)),
      }));
  }

  /** Those that are gone by now are passed over. "refused": the model does not take it. */
  keep(made: readonly { hash: Uint8Array; vector: Uint8Array | "refused" }[]): void {
    this.#together(() => {
      const keep = this.#db.query("UPDATE meanings SET vector = ? WHERE hash = ?");
      for (const { hash, vector } of made) keep.run(vector === "refused" ? REFUSED : vector, hash);
    });
  }

  /** What no text has any more. */
  sweep(): void {
    this.#together(() => {
      this.#db.exec(
        `DELETE FROM meanings WHERE id IN (SELECT meaning FROM loose)
         AND NOT EXISTS (SELECT 1 FROM passages WHERE passages.meaning = meanings.id)`,
      );
      this.#db.exec("DELETE FROM loose");
    });
  }

  counts(): PassageCounts {
    if (!this.#isThere()) {
      const uncutTexts = this.#count("SELECT count(*) AS count FROM documents");
      return { passages: 0, embedded: 0, leftOut: 0, uncutTexts };
    }
    const passages = this.#count("SELECT count(*) AS count FROM meanings");
    const pending = this.#count("SELECT count(*) AS count FROM meanings WHERE vector IS NULL");
    const leftOut = this.#count("SELECT count(*) AS count FROM meanings WHERE vector = x''");
    const uncutTexts = this.#count("SELECT count(*) AS count FROM uncut");
    return { passages, embedded: passages - pending - leftOut, leftOut, uncutTexts };
  }

  /** The next of all vectors behind this id. */
  vectors(afterId: number, countMax: number): { id: number; vector: Uint8Array }[] {
    return this.#db
      .query("SELECT id, vector FROM meanings WHERE id > ? AND vector > x'' ORDER BY id LIMIT ?")
      .all(afterId, countMax)
      .map(({ id, vector }) => ({ id: Number(id), vector: bytesIn(vector) }));
  }

  /** Which texts have it. */
  documentsWith(meaning: number, countMax: number): number[] {
    return this.#db
      .query("SELECT DISTINCT document FROM passages WHERE meaning = ? ORDER BY document LIMIT ?")
      .all(meaning, countMax)
      .map(({ document }) => Number(document));
  }

  /** Undefined where it is gone by now. */
  placed(document: number, meaning: number): PlacedPassage | undefined {
    const [row] = this.#db
      .query(
        `SELECT shown, modified_at, title, substr(body, start + 1, length) AS text
         FROM passages CROSS JOIN documents ON documents.id = document CROSS JOIN texts ON texts.rowid = document
         WHERE document = ? AND meaning = ? ORDER BY start LIMIT 1`,
      )
      .all(document, meaning);
    if (row === undefined) return undefined;
    return {
      document,
      title: textIn(row["title"]),
      shown: textIn(row["shown"]),
      text: textIn(row["text"]),
      modifiedAt: Number(row["modified_at"]),
    };
  }

  /** How many passages it has; undefined where there is no room for them. */
  #cut(document: number, title: string, body: string, room: number): number | undefined {
    const passages = passagesOf(body, PER_TEXT_MAX);
    if (passages.length > room) return undefined;
    const meet = this.#db.query("INSERT INTO meanings (hash) VALUES (?) ON CONFLICT (hash) DO NOTHING");
    const place = this.#db.query(
      `INSERT INTO passages (document, start, length, meaning)
       SELECT ?, ?, ?, id FROM meanings WHERE hash = ?`,
    );
    // SQLite counts signs, where the language counts code units.
    let units = 0;
    let signs = 0;
    for (const { start, end } of passages) {
      signs += signsIn(body.slice(units, start));
      const text = body.slice(start, end);
      const length = signsIn(text);
      const hash = this.#crypto.sha256(utf8(withTitle(title, text))).slice(0, HASH_BYTES);
      meet.run(hash);
      place.run(document, signs, length, hash);
      signs += length;
      units = end;
    }
    this.#db.query("DELETE FROM uncut WHERE document = ?").run(document);
    return passages.length;
  }

  #roomFor(dimensions: number): number {
    const most = Math.min(this.#most.passages, Math.floor(this.#most.vectorBytes / dimensions));
    return most - this.#count("SELECT count(*) AS count FROM passages");
  }

  #isThere(): boolean {
    return this.#count("SELECT count(*) AS count FROM sqlite_schema WHERE name = 'space'") === 1;
  }

  #count(sql: string): number {
    return Number(this.#db.query(sql).all()[0]?.["count"] ?? 0);
  }

  #together(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

/** A passage in the middle of a text does not say what it is about. */
function withTitle(title: string, text: string): string {
  return text === "" || text.includes(title) ? text : `${title}\n\n${text}`;
}

function signsIn(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function packedLength(dimensions: number): number {
  return dimensions + 4;
}

function split(bytes: Uint8Array, length: number): Uint8Array[] {
  return Array.from({ length: Math.floor(bytes.length / length) }, (_, at) =>
    bytes.slice(at * length, (at + 1) * length),
  );
}

function textIn(value: SqliteValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function bytesIn(value: SqliteValue | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}
