// The number under which a device dials a hub. It is on the disk before the first byte goes out, so that a
// restart never dials under a number that was used.

import type { Kysely } from "kysely";
import type { AgentDatabase } from "./agent-schema.ts";

/** The next number for this hub; the first is 1. Resolves once it is durable. */
export async function nextSessionNumber(db: Kysely<AgentDatabase>, hubId: string): Promise<number> {
  const { number } = await db
    .insertInto("session_numbers")
    .values({ hub_id: hubId, number: 1 })
    .onConflict((conflict) =>
      conflict.column("hub_id").doUpdateSet((row) => ({ number: row("session_numbers.number", "+", 1) })),
    )
    .returning("number")
    .executeTakeFirstOrThrow();
  return number;
}
