// The dialect on a real server. Without one these tests are skipped, and say so.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Kysely, sql } from "kysely";
import { openPostgres } from "../world/postgres.ts";
import { openPostgresStore, POSTGRES_SCHEMA } from "./open-postgres.ts";
import { postgresDialect } from "./postgres-dialect.ts";
import { postgresPrograms, startPostgres, type PostgresServer } from "./postgres-server.fixture.ts";
import { NOW, rejection } from "./testing.ts";

const programs = postgresPrograms();
const clock = { now: () => NOW, monotonic: () => 0 };
const migrations = [
  {
    name: "001",
    statements: () => ["create table many (number bigint primary key, bytes bytea, text text)"],
  },
];
let server: PostgresServer | undefined;

beforeAll(async () => {
  if (programs !== undefined) server = await startPostgres(programs);
}, 60_000);
afterAll(() => server?.[Symbol.asyncDispose]());

interface Many {
  many: { number: number; bytes: Uint8Array | null; text: string | null };
}

const open = () =>
  openPostgresStore<Many>({ pool: openPostgres(server?.url ?? "", POSTGRES_SCHEMA), migrations, clock });

test.skipIf(programs === undefined)("programs that start at once all find the database ready", async () => {
  const stores = await Promise.all(Array.from({ length: 6 }, open));
  const [{ db }] = stores as [(typeof stores)[0]]; // made above
  const { rows } = await sql`select name from migrations`.execute(db);
  expect(rows).toEqual([{ name: "001" }]);
  await Promise.all(stores.map((store) => store.close()));
});

test.skipIf(programs === undefined)("what is written is read as it was", async () => {
  const { db, close } = await open();
  const rows = [
    { number: Number.MAX_SAFE_INTEGER, bytes: Uint8Array.of(0, 255), text: '{"a":"\\"é"}' },
    { number: 1, bytes: null, text: null },
  ];
  const inserted = await db.insertInto("many").values(rows).executeTakeFirstOrThrow();
  expect(inserted.numInsertedOrUpdatedRows).toBe(2n);
  const read = await db.selectFrom("many").selectAll().orderBy("number", "desc").execute();
  expect(read).toEqual(rows);
  expect(Buffer.isBuffer(read[0]?.bytes)).toBe(false);
  const counted = await db
    .selectFrom("many")
    .select(({ fn }) => fn.countAll<number>().as("all"))
    .execute();
  expect(counted).toEqual([{ all: 2 }]);
  await close();
});

test.skipIf(programs === undefined)("a transaction that fails leaves nothing", async () => {
  const { db, close } = await open();
  const failing = db.transaction().execute(async (transaction) => {
    await transaction.insertInto("many").values({ number: 77, bytes: null, text: null }).execute();
    throw new Error("no");
  });
  expect(await rejection(failing)).toMatchObject({ message: "no" });
  expect(await db.selectFrom("many").selectAll().where("number", "=", 77).execute()).toEqual([]);
  await close();
});

test.skipIf(programs === undefined)("a connection that is cut is told, and the next one works", async () => {
  const { db, close } = await open();
  const { db: other, close: closeOther } = await open();
  await sql`select 1`.execute(db);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()`.execute(
    other,
  );
  // Each of the pool's connections may tell of its end once, and it is told by name.
  const told: string[] = [];
  for (let attempt = 0; attempt < 10 && told.at(-1) !== "works"; attempt++) {
    told.push(await sql`select 1`.execute(db).then(() => "works", rejectionCode));
  }
  expect(told.at(-1)).toBe("works");
  expect(told.slice(0, -1).filter((one) => one !== "unavailable")).toEqual([]);
  await Promise.all([close(), closeOther()]);
});

test("a server that is not there is unavailable, and its URL is not in the error", async () => {
  const pool = openPostgres("postgres://someone:hidden-word@127.0.0.1:1/none", POSTGRES_SCHEMA);
  const db = new Kysely<Many>({ dialect: postgresDialect(pool) });
  const error = await rejection(sql`select 1`.execute(db));
  expect(error).toMatchObject({ code: "unavailable" });
  expect(Bun.inspect(error)).not.toContain("hidden-word");
  await db.destroy();
});

function rejectionCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
