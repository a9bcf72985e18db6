// The tables that a hub's and a device's database have in common: owner logs, the audit journal, settings.
// Rows keep the column names as they are, which are also the names on the wire. Moments are milliseconds
// since the epoch.

import type { Generated } from "kysely";
import type { ColumnTypes } from "./column-types.ts";

export interface OwnerLogTable {
  owner_root: string;
  number: number;
  /** SHA-256 of the entry, which the next one names as its `previous`. */
  hash: Uint8Array;
  /** The entry exactly as it was signed. */
  json: string;
}

export interface AuditTable {
  id: Generated<number>;
  at: number;
  /** Whose it is to read; null for what concerns the whole hub. */
  owner_root: string | null;
  /** Who did it: `device:…`, `user:…`, `hub`. */
  actor: string;
  action: string;
  target: string;
  /** A JSON object. */
  detail: string;
  request_id: string | null;
}

export interface SettingsTable {
  key: string;
  /** JSON. */
  value: string;
}

export interface CommonDatabase {
  owner_log: OwnerLogTable;
  audit: AuditTable;
  settings: SettingsTable;
}

export function commonTables({ integer, bytes, counter, tableEnd }: ColumnTypes): string[] {
  return [
    `create table owner_log (
      owner_root text not null,
      number ${integer} not null,
      hash ${bytes} not null,
      json text not null,
      primary key (owner_root, number)
    ) ${tableEnd}`,
    `create table audit (
      id ${counter},
      at ${integer} not null,
      owner_root text,
      actor text not null,
      action text not null,
      target text not null,
      detail text not null,
      request_id text
    ) ${tableEnd}`,
    `create index audit_by_owner on audit (owner_root, id)`,
    `create index audit_by_target on audit (target, id)`,
    `create table settings (
      key text primary key,
      value text not null
    ) ${tableEnd}`,
  ];
}
