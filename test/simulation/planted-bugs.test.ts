// The checkers are no ornament: every planted bug is found within a few seeds.
import { expect, test } from "bun:test";
import { PLANTED_BUGS, type PlantedBug } from "./planted-bugs.ts";
import { runSeed } from "./run.ts";

const SEEDS_MAX = 25;

function find({ bends, found }: PlantedBug): string | undefined {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    const { violations } = runSeed(seed, { bends, stopAtFirst: true });
    const violation = violations.find((text) => found.test(text));
    if (violation !== undefined) return `seed ${seed}: ${violation}`;
  }
  return undefined;
}

test.each(Object.keys(PLANTED_BUGS))("%s", (name) => {
  const bug = PLANTED_BUGS[name];
  if (bug === undefined) throw new Error(`no planted bug "${name}"`);
  expect(find(bug)).toMatch(bug.found);
});
