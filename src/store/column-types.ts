// The few column types whose names differ between databases. Migrations spell only these through here, so
// that the same steps make an SQLite and a PostgreSQL database.

export interface ColumnTypes {
  /** Whole numbers of 53 bits, moments in milliseconds since the epoch, and flags as 0 and 1. */
  integer: string;
  bytes: string;
  /** A primary key that the database counts up. */
  counter: string;
  /** Stands after a table's closing bracket. */
  tableEnd: string;
}

/** STRICT makes SQLite refuse a value of another type instead of keeping it as it came. */
export const SQLITE_COLUMNS: ColumnTypes = {
  integer: "integer",
  bytes: "blob",
  counter: "integer primary key",
  tableEnd: "strict",
};

export const POSTGRES_COLUMNS: ColumnTypes = {
  integer: "bigint",
  bytes: "bytea",
  counter: "bigint primary key generated always as identity",
  tableEnd: "",
};
