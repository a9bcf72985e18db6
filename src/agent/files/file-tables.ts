// What a device keeps of files on their way: those it sends, which stay where they are, and those that come,
// which grow beside the received ones until they are whole.
import type { ColumnTypes } from "../../store/column-types.ts";

/** `cancelled`: by the person here. */
export type SendState = "queued" | "delivered" | "failed" | "cancelled";

export interface FileSendsTable {
  id: string;
  /** Identity key of the receiver, base64url. */
  peer: string;
  /** Absolute, every link resolved. */
  path: string;
  name: string;
  size: number;
  /** By these two and the size it is known to be the same file still. */
  modified_at: number;
  inode: number;
  state: SendState;
  /** SHA-256, base64url, once the receiver keeps it. */
  sha256: string | null;
  /** JSON of what ended it. */
  problem: string | null;
  created_at: number;
  ended_at: number | null;
}

/** `refused`: by the person here; the sender is told when it asks again. */
export type ArrivalState = "arriving" | "kept" | "refused";

export interface FileArrivalsTable {
  peer: string;
  /** The sender's own. */
  id: string;
  /** Made plain. */
  name: string;
  size: number;
  /** Bytes that are durable. */
  held: number;
  state: ArrivalState;
  sha256: string | null;
  created_at: number;
  /** When something last came. */
  moved_at: number;
}

export interface FileTables {
  file_sends: FileSendsTable;
  file_arrivals: FileArrivalsTable;
}

export function fileTables({ integer, tableEnd }: ColumnTypes): string[] {
  return [
    `create table file_sends (
      id text primary key,
      peer text not null,
      path text not null,
      name text not null,
      size ${integer} not null,
      modified_at ${integer} not null,
      inode ${integer} not null,
      state text not null,
      sha256 text,
      problem text,
      created_at ${integer} not null,
      ended_at ${integer}
    ) ${tableEnd}`,
    `create index file_sends_by_state on file_sends (state, created_at)`,
    `create table file_arrivals (
      peer text not null,
      id text not null,
      name text not null,
      size ${integer} not null,
      held ${integer} not null,
      state text not null,
      sha256 text,
      created_at ${integer} not null,
      moved_at ${integer} not null,
      primary key (peer, id)
    ) ${tableEnd}`,
    `create index file_arrivals_by_state on file_arrivals (state, moved_at)`,
  ];
}
