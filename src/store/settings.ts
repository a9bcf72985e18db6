// Small facts that outlive a restart, each a JSON value under a name (a remembered port, for instance).
// Readers check the shape of what they get: a newer or older version may have written it.

import type { Kysely } from "kysely";
import { MusterError } from "../protocol/errors.ts";
import type { CommonDatabase } from "./common-schema.ts";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Undefined when it was never set. */
export async function getSetting(db: Kysely<CommonDatabase>, key: string): Promise<unknown> {
  const row = await db.selectFrom("settings").select("value").where("key", "=", key).executeTakeFirst();
  if (row === undefined) return undefined;
  try {
    return JSON.parse(row.value);
  } catch (error) {
    throw new MusterError("state_corrupt", `the setting "${key}" is not JSON`, { cause: error });
  }
}

export async function setSetting(db: Kysely<CommonDatabase>, key: string, value: Json): Promise<void> {
  const text = JSON.stringify(value);
  await db
    .insertInto("settings")
    .values({ key, value: text })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: text }))
    .execute();
}

export async function removeSetting(db: Kysely<CommonDatabase>, key: string): Promise<void> {
  await db.deleteFrom("settings").where("key", "=", key).execute();
}
