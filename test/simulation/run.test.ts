// Ten seconds of two devices, a hub and visitors over a lossy network, with everything that may befall them.
// A failing run prints its seed; MUSTER_SIM_SEED runs that one alone, with the end of its trace.
import { describe, expect, test } from "bun:test";
import { runSeed, type RunResult } from "./run.ts";

const SEEDS = 20;
const chosen = Number(process.env["MUSTER_SIM_SEED"] ?? 0);
const seeds = chosen > 0 ? [chosen] : Array.from({ length: SEEDS }, (_, at) => at + 1);

function report({ seed, violations, lines }: RunResult): string {
  if (violations.length === 0) return "";
  const trace = chosen > 0 ? lines.slice(-200).join("\n") : "";
  return `MUSTER_SIM_SEED=${seed}\n${violations.slice(0, 10).join("\n")}\n${trace}`;
}

describe("a simulated run keeps every promise", () => {
  test.each(seeds)("seed %d", (seed) => {
    expect(report(runSeed(seed))).toBe("");
  });

  test("the same seed gives the same run, another seed another", () => {
    const [first, again, other] = [runSeed(101), runSeed(101), runSeed(102)];
    expect({ hash: again.traceHash, events: again.events }).toEqual({
      hash: first.traceHash,
      events: first.events,
    });
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  test("without faults nothing is refused, cut or repeated", () => {
    const { violations, outcomes } = runSeed(7, { faults: false });
    expect(violations).toEqual([]);
    expect(Object.keys(outcomes)).toEqual(["answered"]);
    expect(outcomes["answered"]).toBeGreaterThan(50);
  });
});
