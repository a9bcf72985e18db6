// Run as a process of its own by accounts.test.ts: opens the hub's database at argv's path and asks the
// accounts for something, which makes their tables where they are missing.
import { Secret } from "../../identity/secret.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { HUB_MIGRATIONS } from "../../store/hub-migrations.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { openStore } from "../../store/open-store.ts";
import { realWorld } from "../../world/real.ts";
import { createAccounts } from "./better-auth-accounts.ts";

const path = process.argv[2] ?? "";
const store = await openStore<HubDatabase>({
  world: realWorld,
  path,
  migrations: HUB_MIGRATIONS,
  lossLevel: "error",
  onNotice: () => {},
});
const accounts = createAccounts({
  db: store.db,
  pageOrigin: "http://muster.localhost:8080",
  hubId: "abcdefg-hijklmn-opqrstu-vwxyz23",
  secret: new Secret(new Uint8Array(32)),
  hasher: { hash: (password) => Promise.resolve(password), verify: () => Promise.resolve(false) },
  clock: realWorld.clock,
  log: SILENT_LOG,
});
const { hasPassword } = await accounts.waysIn("nobody");
process.stdout.write(String(hasPassword));
await store.close();
