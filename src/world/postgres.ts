// PostgreSQL through Bun's own client. The rule: no error that leaves here holds the database's URL, whose
// password belongs in no log.
import { SQL } from "bun";
import { systemCode } from "../protocol/errors.ts";
import type { PostgresConnection, PostgresPool, PostgresResult, SqliteValue } from "./world.ts";

/** One device's tasks need few; a server has a hundred for everybody. */
const CONNECTIONS_MAX = 4;
const CONNECT_TIMEOUT_S = 5;
const IDLE_TIMEOUT_S = 60;

interface Rows extends Array<Record<string, unknown>> {
  count: number;
  columns?: { name: string; type: number }[];
}

/** `schema`: where tables are looked for and made; others may share the database. */
export function openPostgres(url: string, schema: string): PostgresPool {
  const sql = new SQL({
    url,
    max: CONNECTIONS_MAX,
    connectionTimeout: CONNECT_TIMEOUT_S,
    idleTimeout: IDLE_TIMEOUT_S,
    connection: { search_path: schema, application_name: "muster" },
  });
  return {
    async connect(): Promise<PostgresConnection> {
      const reserved = await sql.reserve().catch(rethrow);
      return {
        query: (text, values) => reserved.unsafe(text, values.map(sent)).then(resultOf, rethrow),
        release: () => void reserved.release(),
      };
    },
    close: () => sql.close({ timeout: CONNECT_TIMEOUT_S }),
  };
}

function resultOf(rows: Rows): PostgresResult {
  return { rows: [...rows], columns: rows.columns ?? [], affected: rows.count };
}

/** As text, so that no column's type is guessed from a number's size. */
function sent(value: SqliteValue): string | Uint8Array | null {
  return typeof value === "number" || typeof value === "bigint" ? String(value) : value;
}

function rethrow(thrown: unknown): never {
  const message = thrown instanceof Error ? thrown.message : "the database client failed";
  const state = typeof thrown === "object" && thrown !== null && "errno" in thrown ? thrown.errno : undefined;
  const code = typeof state === "string" && state !== "" ? state : codeOf(systemCode(thrown));
  throw Object.assign(new Error(message), { code });
}

/** Bun's own words for what never reached the server. */
function codeOf(code: string): string {
  if (!code.startsWith("ERR_POSTGRES_")) return code;
  return /CONNECTION|CLOSED|TIMEOUT/.test(code) ? "ECONNREFUSED" : code;
}
