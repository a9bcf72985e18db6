// The steps that make a device's state.db. Released steps are never edited: add one at the end.

import { commonTables } from "./common-schema.ts";
import type { Migration } from "./migrate.ts";

export const AGENT_MIGRATIONS: Migration[] = [
  {
    name: "001-first",
    statements: (columns) => {
      const { integer, bytes, tableEnd } = columns;
      return [
        ...commonTables(columns),
        `create table shares (
          id text primary key,
          name text not null unique,
          label text,
          url text,
          kind text not null,
          path text,
          command text,
          port ${integer},
          access text not null,
          password_verifier text,
          password_version ${integer} not null,
          proof_key ${bytes} not null,
          expires_at ${integer},
          spa ${integer} not null,
          description text,
          created_at ${integer} not null,
          wanted_running ${integer} not null,
          options text not null
        ) ${tableEnd}`,
        `create table runtime (
          share_id text primary key references shares on delete cascade,
          pid ${integer},
          start_mark text,
          state text not null,
          since ${integer} not null,
          restarts ${integer} not null,
          last_exit text,
          log_path text
        ) ${tableEnd}`,
        `create table session_numbers (
          hub_id text primary key,
          number ${integer} not null
        ) ${tableEnd}`,
      ];
    },
  },
];
