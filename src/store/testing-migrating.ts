// For migrate.test.ts: a process that opens the store it is told, migrates it and says so.

import { SLOW_MIGRATIONS } from "./testing-migrations.ts";
import { openStore } from "./open-store.ts";
import { storeOptions } from "./testing.ts";

const path = process.argv[2] ?? "";
const store = await openStore(storeOptions({ path, migrations: SLOW_MIGRATIONS }));
await store.close();
process.stdout.write("migrated");
