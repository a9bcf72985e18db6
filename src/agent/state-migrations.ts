// The tables of state.db that belong to the agent's core, behind those of the store. Released steps are never
// edited: add one at the end.
import { AGENT_MIGRATIONS } from "../store/agent-migrations.ts";
import type { AgentDatabase } from "../store/agent-schema.ts";
import type { Migration } from "../store/migrate.ts";
import { fileTables, type FileTables } from "./files/file-tables.ts";
import { queueTables, type QueueTables } from "./orders/queue-rows.ts";
import { peerTables, type PeerTables } from "./peers/peer-tables.ts";

export interface CommandsTable {
  /** Ed25519 key of who signed it, base64url. */
  signer: string;
  command_id: string;
  /** SHA-256 of kind and request, so that an id is not used for two orders. */
  digest: Uint8Array;
  accepted_at: number;
  /** JSON of the outcome; null until there is one. */
  outcome: string | null;
}

export interface StateDatabase extends AgentDatabase, PeerTables, FileTables, QueueTables {
  commands: CommandsTable;
}

export const STATE_MIGRATIONS: Migration[] = [
  ...AGENT_MIGRATIONS,
  {
    name: "002-commands",
    statements: ({ integer, bytes, tableEnd }) => [
      `create table commands (
        signer text not null,
        command_id text not null,
        digest ${bytes} not null,
        accepted_at ${integer} not null,
        outcome text,
        primary key (signer, command_id)
      ) ${tableEnd}`,
      `create index commands_by_age on commands (accepted_at)`,
    ],
  },
  { name: "003-peers", statements: peerTables },
  { name: "004-files", statements: fileTables },
  { name: "005-queued-orders", statements: queueTables },
];
