// A few tables in memory, with transactions: what one changes is undone when it fails, and handed to a keeper as
// one list when it does not. Whoever keeps that list (a browser's database, a file) has the whole state.
import type { InboundRow, InboxRow, OutboxRow, PeerRow, RingRows } from "./rows.ts";

export interface KeptRows {
  peers: PeerRow;
  /** By peer. */
  rings: RingRows;
  outbox: OutboxRow;
  inbound: InboundRow;
  inbox: InboxRow;
  /** By name. */
  counters: number;
}

export type KeptTable = keyof KeptRows;

export const KEPT_TABLES = [
  "peers",
  "rings",
  "outbox",
  "inbound",
  "inbox",
  "counters",
] as const satisfies readonly KeptTable[];

/** A row as it is to be kept from now on; without one it goes. */
export type KeptChange = {
  [Table in KeptTable]: { table: Table; key: string; row?: KeptRows[Table] };
}[KeptTable];

/** Keeps the rows of a store beyond the life of its program. */
export interface RowKeeper {
  /** All that was saved. */
  load(): Promise<readonly KeptChange[]>;
  /** All or nothing, durable when it resolves. */
  save(changes: readonly KeptChange[]): Promise<void>;
}

export class KeptTables {
  readonly #tables: { [Table in KeptTable]: Map<string, KeptRows[Table]> } = {
    peers: new Map(),
    rings: new Map(),
    outbox: new Map(),
    inbound: new Map(),
    inbox: new Map(),
    counters: new Map(),
  };
  /** What the transaction under way has touched, as it was before. */
  readonly #before = new Map<string, KeptChange>();

  get<Table extends KeptTable>(table: Table, key: string): KeptRows[Table] | undefined {
    return this.#tables[table].get(key);
  }

  /** In the order of their first coming. */
  all<Table extends KeptTable>(table: Table): KeptRows[Table][] {
    return [...this.#tables[table].values()];
  }

  /** Rows are never changed in place: a changed one is put again. */
  put<Table extends KeptTable>(table: Table, key: string, row: KeptRows[Table]): void {
    this.#note(table, key);
    this.#tables[table].set(key, row);
  }

  remove(table: KeptTable, key: string): void {
    this.#note(table, key);
    this.#tables[table].delete(key);
  }

  /** Rows that were kept: part of no transaction. */
  fill(rows: readonly KeptChange[]): void {
    for (const row of rows) this.#apply(row);
  }

  /** What this transaction has changed. */
  changes(): KeptChange[] {
    return [...this.#before.values()].map(({ table, key }) => this.#change(table, key));
  }

  commit(): void {
    this.#before.clear();
  }

  undo(): void {
    for (const before of this.#before.values()) this.#apply(before);
    this.#before.clear();
  }

  #note(table: KeptTable, key: string): void {
    const name = `${table} ${key}`;
    if (!this.#before.has(name)) this.#before.set(name, this.#change(table, key));
  }

  #change(table: KeptTable, key: string): KeptChange {
    const row = this.#tables[table].get(key);
    // The row is of that table; TypeScript does not follow it through the union.
    return (row === undefined ? { table, key } : { table, key, row }) as KeptChange;
  }

  #apply({ table, key, row }: KeptChange): void {
    // As above: table and row belong together.
    const rows = this.#tables[table] as Map<string, typeof row>;
    if (row === undefined) rows.delete(key);
    else rows.set(key, row);
  }
}
