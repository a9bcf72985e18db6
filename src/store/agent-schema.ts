// What a device keeps in state.db. What the user asked for (shares) and what is so at the moment (runtime)
// are two tables: a row of runtime is never believed before its process has been looked at.

import type { ShareAccess, ShareKind, ShareState } from "../protocol/views.ts";
import type { CommonDatabase } from "./common-schema.ts";

export interface AgentSharesTable {
  id: string;
  name: string;
  /** The hub's answer to the name; null until there was one. */
  label: string | null;
  url: string | null;
  kind: ShareKind;
  /** Folder or file of a page, working directory of an app's command. */
  path: string | null;
  /** JSON array of the command's words; null when the app is run by someone else. */
  command: string | null;
  port: number | null;
  access: ShareAccess;
  /** argon2id verifier of the share's password. */
  password_verifier: string | null;
  /** Counts up with each new password, which ends the cookies of the former. */
  password_version: number;
  proof_key: Uint8Array;
  expires_at: number | null;
  spa: number;
  description: string | null;
  created_at: number;
  wanted_running: number;
  /** JSON object of the rarer flags. */
  options: string;
}

export interface RuntimeTable {
  share_id: string;
  pid: number | null;
  /** The process's start mark, so that a reused pid is not taken for it. */
  start_mark: string | null;
  state: ShareState;
  since: number;
  restarts: number;
  last_exit: string | null;
  log_path: string | null;
}

export interface SessionNumbersTable {
  hub_id: string;
  number: number;
}

export interface AgentDatabase extends CommonDatabase {
  shares: AgentSharesTable;
  runtime: RuntimeTable;
  session_numbers: SessionNumbersTable;
}
