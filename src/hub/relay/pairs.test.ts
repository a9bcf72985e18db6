import { expect, test } from "bun:test";
import { listPairs } from "../../store/pairs.ts";
import { hubStore, NOW } from "../../store/testing.ts";
import { Pairs } from "./pairs.ts";

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
