// The number under which a device dials a hub. It is on the disk before the first byte goes out, so that a
// restart never dials under a number that was used. It also never falls behind the clock: a device whose
// state was lost and begun anew is still the newer one to a hub that remembers its last number.

import { sql, type Kysely } from "kysely";
import type { AgentDatabase } from "./agent-schema.ts";

/** The next number for this hub, at least `nowMs`. Resolves once it is durable. */
export async function nextSessionNumber(
  db: Kysely<AgentDatabase>,
  hubId: string,
  nowMs: number,
): Promise<number> {
  const { number } = await db
    .insertInto("session_numbers")
    .values({ hub_id: hubId, number: nowMs })
    .onConflict((conflict) =>
      conflict
        .column("hub_id")
        .doUpdateSet({ number: sql<number>`max(session_numbers.number + 1, excluded.number)` }),
    )
    .returning("number")
    .executeTakeFirstOrThrow();
  return number;
}
