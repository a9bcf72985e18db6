import { expect, test } from "bun:test";
import { sql } from "kysely";
import type { Actor } from "../../protocol/actors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { listPairs } from "../../store/pairs.ts";
import { hubStore, NOW, rejection } from "../../store/testing.ts";
import type { Session } from "../sessions/session.ts";
import { Pairs } from "./pairs.ts";
import { RelayDesk } from "./relay-desk.ts";

test("an end and a report that cross leave nothing that the database does not have, whichever comes first", async () => {
  const store = await hubStore();
  const pairs = new Pairs(store.db, () => NOW);
  for (let turns = 0; turns < 40; turns++) {
    const [anna, ben] = [`anna ${turns}`, `ben ${turns}`];
    await pairs.report(anna, ben);
    await pairs.report(ben, anna);
    // One comes back and says again whom it has pinned, while the other gives it up.
    const report = pairs.report(ben, anna);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const removal = pairs.remove(anna, ben);
    await Promise.all([report, removal]);
    expect({ turns, isPaired: pairs.has(anna, ben) }).toEqual({ turns, isPaired: false });
    const removedFirst = pairs.remove(anna, ben);
    await Promise.all([removedFirst, pairs.report(ben, anna)]);
    expect({ turns, isPaired: pairs.has(anna, ben) }).toEqual({ turns, isPaired: false });
  }
  expect(await listPairs(store.db)).toEqual([]);
  await store.close();
});

/** Two that are paired, at a database that removes no pair until it is told to. */
async function stuckPair() {
  const store = await hubStore();
  const pairs = new Pairs(store.db, () => NOW);
  await pairs.report("anna", "ben");
  await pairs.report("ben", "anna");
  await sql`create trigger stuck before delete on pairs begin select raise(abort, 'stuck'); end`.execute(
    store.db,
  );
  const restarted = async (): Promise<boolean> => {
    const again = new Pairs(store.db, () => NOW);
    await again.load();
    return again.has("anna", "ben");
  };
  return { store, pairs, restarted, mend: () => sql`drop trigger stuck`.execute(store.db) };
}

test("an end that could not be written down is no done, and asked for again it is", async () => {
  const { store, pairs, restarted, mend } = await stuckPair();
  const parts = {
    log: SILENT_LOG,
    audit: { record: () => Promise.resolve() },
    relay: { dropBetween: () => Promise.resolve() },
    pairs,
  };
  // What an end looks at.
  const desk = new RelayDesk(parts as unknown as ConstructorParameters<typeof RelayDesk>[0]);
  const actor: Actor = { kind: "register", deviceKey: "anna", deviceId: "d", roles: new Map() };
  const anna = { key: "anna", actor, facts: { deviceId: "d" } } as unknown as Session; // and of a session these
  const end = () => desk.handle(anna, { type: "unpair", id: "1", peer: "ben" });
  expect(String(await rejection(end()))).toContain("stuck");
  expect(String(await rejection(end()))).toContain("stuck");
  expect([pairs.has("anna", "ben"), await restarted()]).toEqual([false, true]);
  await mend();
  expect([await end(), await restarted()]).toEqual([{ type: "done", id: "1" }, false]);
  expect(await end()).toEqual({ type: "done", id: "1" });
  await store.close();
});

test("whose end could not be written down is paired again only when both say so anew", async () => {
  const { store, pairs, restarted, mend } = await stuckPair();
  expect(String(await rejection(pairs.remove("anna", "ben")))).toContain("stuck");
  expect(String(await rejection(pairs.report("ben", "anna")))).toContain("stuck");
  expect(pairs.has("anna", "ben")).toBe(false);
  await mend();
  expect([await pairs.report("ben", "anna"), await restarted()]).toEqual(["half", false]);
  expect([await pairs.report("anna", "ben"), await restarted()]).toEqual(["whole", true]);
  expect(pairs.has("ben", "anna")).toBe(true);
  await store.close();
});
