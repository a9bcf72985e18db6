// The table of tasks, in SQLite and in PostgreSQL. Several devices may share one database: each row names its device,
// and so does every statement.
import type { Migration } from "../../store/migrate.ts";

export interface TasksTable {
  device: string;
  id: string;
  signer: string;
  command_id: string;
  digest: Uint8Array;
  title: string;
  description: string | null;
  status: string;
  /** JSON, as are input, output and request. */
  command: string | null;
  input: string;
  output: string | null;
  request: string;
  exit_code: number | null;
  signal: string | null;
  reason: string | null;
  launch: number;
  created_at: number;
  updated_at: number;
  started_at: number | null;
  ended_at: number | null;
  /** Not null: deleted, and here only so that its order is not taken again. */
  removed_at: number | null;
  /** Title, command and description in lower case. */
  words: string;
}

export interface TaskDatabase {
  tasks: TasksTable;
}

/** Released steps are never edited: add one at the end. */
export const TASK_MIGRATIONS: Migration[] = [
  {
    name: "001-tasks",
    statements: ({ integer, bytes, tableEnd }) => [
      `create table tasks (
        device text not null,
        id text not null,
        signer text not null,
        command_id text not null,
        digest ${bytes} not null,
        title text not null,
        description text,
        status text not null,
        command text,
        input text not null,
        output text,
        request text not null,
        exit_code ${integer},
        signal text,
        reason text,
        launch ${integer} not null,
        created_at ${integer} not null,
        updated_at ${integer} not null,
        started_at ${integer},
        ended_at ${integer},
        removed_at ${integer},
        words text not null,
        primary key (device, id),
        unique (device, signer, command_id)
      ) ${tableEnd}`,
      `create index tasks_by_change on tasks (device, updated_at, id)`,
      `create index tasks_by_status on tasks (device, status, created_at)`,
    ],
  },
];
