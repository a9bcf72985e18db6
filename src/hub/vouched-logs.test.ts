import { expect, test } from "bun:test";
import type { Crypto } from "../identity/crypto.ts";
import { nodeCrypto } from "../identity/crypto-node.ts";
import { appendEntry, beginLog } from "../identity/owner-log.ts";
import { Secret } from "../identity/secret.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { HUB_MIGRATIONS } from "../store/hub-migrations.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import { openStore } from "../store/open-store.ts";
import { realWorld } from "../world/real.ts";
import { OwnerLogs } from "./owner-logs.ts";
import { VouchedLogs } from "./vouched-logs.ts";

/** A hub's logs, read anew as often as wanted; how many signatures that took. */
async function stored() {
  let checks = 0;
  const real = nodeCrypto((length) => realWorld.random.bytes(length));
  const crypto: Crypto = {
    ...real,
    verifyEd25519: (...given) => ((checks += 1), real.verifyEd25519(...given)),
  };
  const { db, close } = await openStore<HubDatabase>({
    world: realWorld,
    path: ":memory:",
    migrations: HUB_MIGRATIONS,
    lossLevel: "error",
    onNotice() {},
  });
  const open = async (secretByte = 1) => {
    const logs = new OwnerLogs({ db, crypto, hubKey: new Uint8Array(32), now: () => 1 });
    const secret = new Secret(new Uint8Array(32).fill(secretByte));
    checks = 0;
    await logs.load(new VouchedLogs({ db, crypto, secret }));
    return { logs, checks };
  };
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const about = { name: "home", kind: "laptop", platform: "linux" } as const;
  let log = await beginLog(crypto, signer, { ...about, link_key: toBase64Url(signer.publicKey) });
  const { logs } = await open();
  const first = log.entries[0];
  if (first === undefined) throw new Error("a begun log has an entry");
  const root = await logs.begin(first);
  const grow = async () => {
    const { publicKey } = crypto.ed25519Signer(crypto.randomBytes(32));
    const keys = { public_key: toBase64Url(publicKey), link_key: toBase64Url(publicKey) };
    const body = { ...about, ...keys, name: `device-${log.length}`, ssh_host_keys: [], claim: null };
    log = await appendEntry(crypto, log, { kind: "member", body, signer });
    const last = log.entries.at(-1);
    if (last !== undefined) await logs.append(last);
    return publicKey;
  };
  return { db, close, open, grow, root };
}

test("a log is checked once: a hub that starts again knows it by its mark, and checks what came since", async () => {
  const { close, open, grow, root } = await stored();
  const member = await grow();
  expect((await open()).checks).toBe(2);
  const again = await open();
  expect(again.checks).toBe(0);
  expect(again.logs.get(root)?.rightOf(member, 1)).toBe("member");
  expect([...again.logs.rolesOf(member)]).toEqual([[root, "member"]]);
  await grow();
  expect([(await open()).checks, (await open()).checks]).toEqual([1, 0]);
  await close();
});

test("rows that were changed in the database are checked, and refused", async () => {
  const { db, close, open, grow } = await stored();
  await grow();
  await open();
  const row = await db.selectFrom("owner_log").selectAll().where("number", "=", 1).executeTakeFirstOrThrow();
  const json = row.json.replace("device-1", "device-9");
  await db.updateTable("owner_log").set({ json }).where("number", "=", 1).execute();
  const refused = await open().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(MusterError);
  expect(refused).toMatchObject({ code: "owner_log_invalid" });
  await close();
});

test("a mark that another secret made counts for nothing", async () => {
  const { close, open, grow } = await stored();
  await grow();
  await open();
  expect((await open(2)).checks).toBe(2);
  await close();
});
