import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeSuite } from "../../client/peers/store.fixture.ts";
import { openStore } from "../../store/open-store.ts";
import { realDisk } from "../../world/disk.ts";
import { openSqlite } from "../../world/sqlite.ts";
import { STATE_MIGRATIONS, type StateDatabase } from "../state-migrations.ts";
import { sqlPeerStore } from "./sql-peer-store.ts";

storeSuite("SQL", async () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-peers-"));
  const clock = { now: () => 1, monotonic: () => 1 };
  const opened = await openStore<StateDatabase>({
    path: join(folder, "state.db"),
    migrations: STATE_MIGRATIONS,
    lossLevel: "error",
    onNotice: ({ message }) => {
      throw new Error(message);
    },
    world: { clock, disk: realDisk, openSqlite },
  });
  return {
    store: sqlPeerStore(opened.db, () => 1),
    async [Symbol.asyncDispose]() {
      await opened.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
