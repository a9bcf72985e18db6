// One run: a fleet, ten seconds of faults and visitors, and then time to heal. The same seed gives the same run.
import { Checkers } from "./checkers.ts";
import { FaultPlan } from "./fault-plan.ts";
import { SimFleet, type Bends } from "./sim-fleet.ts";
import type { SimDevice } from "./sim-device.ts";
import { DOMAIN } from "./sim-hub.ts";
import { Truth } from "./truth.ts";

export const RUN_MS = 10_000;
/** A request waits at most this long: for its device to come back, then for a first byte. */
const SETTLE_MS = 40_000;
const VISITORS = 4;
const PUBLISH_PAUSE_MAX_MS = 2_500;

export interface RunOptions {
  bends?: Bends;
  /** Without faults only the programs themselves can be wrong. */
  faults?: boolean;
  /** Breaks off at the first broken promise. */
  stopAtFirst?: boolean;
}

export interface RunResult {
  seed: number;
  violations: readonly string[];
  traceHash: string;
  events: number;
  lines: readonly string[];
  outcomes: Record<string, number>;
}

export function runSeed(seed: number, options: RunOptions = {}): RunResult {
  const fleet = new SimFleet(seed, options.bends);
  try {
    play(fleet, options);
  } catch (error) {
    fleet.ledger.violate(
      `the run broke off: ${error instanceof Error ? (error.stack ?? "") : String(error)}`,
    );
  }
  const { time, ledger } = fleet;
  fleet.close();
  const outcomes: Record<string, number> = {};
  for (const { outcome } of ledger.asked) {
    outcomes[outcome ?? "open"] = (outcomes[outcome ?? "open"] ?? 0) + 1;
  }
  const { traceHash, events, lines } = time;
  return { seed, violations: ledger.violations, traceHash, events, lines, outcomes };
}

function play(fleet: SimFleet, { faults = true, stopAtFirst = false }: RunOptions): void {
  const { time, random } = fleet;
  fleet.begin();
  const truth = new Truth(time);
  const checkers = new Checkers(fleet, truth);
  time.afterEach(() => checkers.look());
  const endMs = time.nowMs + RUN_MS;
  for (let number = 1; number <= VISITORS; number += 1) fleet.addVisitor(`v${number}`, 300).start();
  for (const device of fleet.devices) publishNowAndThen(fleet, device, endMs);
  const plan = new FaultPlan({
    fleet,
    truth,
    random: random.fork("faults"),
    untilMs: endMs,
    hubDied: () => checkers.acknowledgedIsKept(),
  });
  if (faults) plan.start();
  const goesOn = () => !stopAtFirst || fleet.ledger.violations.length === 0;
  time.runWhile(goesOn, endMs - time.nowMs);
  for (const visitor of fleet.visitors) visitor.stop();
  time.runWhile(goesOn, SETTLE_MS);
  if (!goesOn()) return;
  checkers.acknowledgedIsKept();
  checkers.quiet();
  afterwards(fleet);
}

/** Pages, one after the other, whatever befalls hub and device meanwhile. */
function publishNowAndThen(fleet: SimFleet, device: SimDevice, untilMs: number): void {
  const { time } = fleet;
  const random = fleet.random.fork(`publish ${device.name}`);
  let count = 0;
  const next = () => {
    time.after(random.fraction() * PUBLISH_PAUSE_MAX_MS, () => {
      if (time.nowMs >= untilMs) return;
      count += 1;
      device.add({ path: "/srv/page", name: `${device.name}-page-${count}` }).catch(() => {
        // Told to the person; what counts is what was acknowledged.
      });
      next();
    });
  };
  next();
}

/** Every share that was ever acknowledged answers under its address. */
function afterwards(fleet: SimFleet): void {
  const visitor = fleet.addVisitor("last", 1);
  const pages = fleet.devices.flatMap((device) => {
    const labels = [...device.acknowledged.values()].filter((label) => label.includes("-page-"));
    return labels.map((label) => ({ device: device.name, host: `${label}.${DOMAIN}`, page: device.page }));
  });
  for (const target of [...fleet.targets(), ...pages]) {
    const asked = fleet.time.waitFor(visitor.askOnce({ target, method: "GET" }));
    if (asked.outcome !== "answered")
      fleet.ledger.violate(`${target.host} answers ${asked.status ?? "nothing"}`);
  }
}
