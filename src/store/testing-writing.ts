// For durability.test.ts: writes until it is killed. Prints a number only after the commit that holds it.
// Each number is two rows in two tables, so that a half transaction would show.

import { writeSync } from "node:fs";
import { openStore } from "./open-store.ts";
import { storeOptions } from "./testing.ts";
import type { HubDatabase } from "./hub-schema.ts";

const path = process.argv[2] ?? "";
const { db } = await openStore<HubDatabase>(storeOptions({ path }));
const last = await db.selectFrom("audit").select("id").orderBy("id", "desc").limit(1).executeTakeFirst();

for (let number = (last?.id ?? 0) + 1; ; number++) {
  await db.transaction().execute(async (transaction) => {
    const text = String(number).padEnd(300, ".");
    await transaction
      .insertInto("audit")
      .values({
        id: number,
        at: 0,
        actor: "",
        action: "",
        target: "",
        detail: text,
        owner_root: null,
        request_id: null,
      })
      .execute();
    await transaction
      .insertInto("settings")
      .values({ key: String(number), value: text })
      .execute();
  });
  writeSync(1, `${number}\n`);
}
