// Where a device keeps its tasks, as MUSTER_DATABASE_URL says: an SQLite file, or PostgreSQL. The URL may hold a
// password, so no error repeats it.
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { TaskPlace } from "../agent/tasks/open-tasks.ts";
import { MusterError } from "../protocol/errors.ts";
import { POSTGRES_SCHEMA } from "../store/open-postgres.ts";
import { openPostgres } from "../world/postgres.ts";

/** Throws `usage` for what is neither. A relative file stands in the home. */
export function taskPlace(url: string | undefined, home: string): TaskPlace {
  if (url === undefined || url === "") return { kind: "sqlite", path: join(home, "tasks.db") };
  if (/^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url)) {
    return { kind: "postgres", connect: () => openPostgres(url, POSTGRES_SCHEMA) };
  }
  const path = /^sqlite:(?:\/\/)?(.+)$/.exec(url)?.[1];
  if (path === undefined) {
    throw new MusterError("usage", "the setting tasks.database_url (MUSTER_DATABASE_URL) names no database", {
      hint: "sqlite:/path/to/tasks.db, or postgres://user:password@host/database",
    });
  }
  const expanded = path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
  return { kind: "sqlite", path: resolve(home, expanded) };
}
