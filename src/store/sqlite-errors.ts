// What SQLite's failures mean to the program: the disk is full, the file is damaged, someone else holds it,
// or a constraint said no. Constraint errors stay as they are, because only the caller knows what they mean.

import { MusterError, systemCode } from "../protocol/errors.ts";

/** The thrown value itself, or the MusterError that stands for it. */
export function storeError(thrown: unknown): unknown {
  if (thrown instanceof MusterError) return thrown;
  const code = systemCode(thrown);
  if (isDamage(code)) {
    return new MusterError("state_corrupt", "the database file is damaged", { cause: thrown });
  }
  if (isRefusedWrite(code)) {
    return new MusterError("storage_full", "the disk is full or refuses writes, nothing was changed", {
      cause: thrown,
      hint: "free some space; work goes on by itself",
    });
  }
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new MusterError("unavailable", "the database is held by another process", { cause: thrown });
  }
  return thrown;
}

/** A row with this primary key or unique value is there already. */
export function isUniqueViolation(thrown: unknown): boolean {
  const code = systemCode(thrown);
  return code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY";
}

function isDamage(code: string): boolean {
  return code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB" || code === "SQLITE_IOERR_CORRUPTFS";
}

// A failed fsync (SQLITE_IOERR_FSYNC) belongs here too: what was not synced was not acknowledged. So does a
// file system that turned read-only under us.
function isRefusedWrite(code: string): boolean {
  return (
    code === "SQLITE_FULL" ||
    code.startsWith("SQLITE_IOERR") ||
    code.startsWith("SQLITE_READONLY") ||
    code === "ENOSPC" ||
    code === "EDQUOT"
  );
}
