// The plan of one run: what befalls whom, and when. It begins at once, ends when the time for faults is over,
// and leaves everything mended.
import { DEVICE_FAULTS, HUB_FAULTS } from "./faults.ts";
import type { SimDevice } from "./sim-device.ts";
import type { SimFleet } from "./sim-fleet.ts";
import type { SeededRandom } from "./sim-random.ts";
import type { Truth } from "./truth.ts";

const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 1500;
const HUB_CHANCE = 0.3;

export interface PlanOptions {
  fleet: SimFleet;
  truth: Truth;
  random: SeededRandom;
  untilMs: number;
  /** The hub was killed: its database holds what a restart would find. */
  hubDied(): void;
}

export class FaultPlan {
  readonly #options: PlanOptions;
  readonly #busy = new Set<object>();
  readonly #comebacks = new Map<object, Comeback>();

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  /** Whether something is still to be mended. */
  get isBusy(): boolean {
    return this.#busy.size > 0;
  }

  start(): void {
    const { fleet, random, untilMs } = this.#options;
    fleet.time.after(random.between(PAUSE_MIN_MS, PAUSE_MAX_MS), () => {
      if (fleet.time.nowMs >= untilMs) return this.#end();
      this.#strike();
      this.start();
    });
  }

  #strike(): void {
    const { fleet, random } = this.#options;
    const target = random.chance(HUB_CHANCE) ? fleet.hub : random.pick(fleet.devices);
    if (this.#busy.has(target)) return;
    if (target === fleet.hub) this.#strikeHub();
    else this.#strikeDevice(target as SimDevice); // the only other kind of target
  }

  #strikeHub(): void {
    const { fleet, random } = this.#options;
    const [name, fault] = pickFault(HUB_FAULTS, random);
    fleet.time.trace(`fault: hub ${name}`);
    const { hub } = fleet;
    const over = this.#begin(hub, fleet.devices);
    fault({ fleet, random, target: hub, over, killAndRestart: (awayMs) => this.#killHub(awayMs, over) });
  }

  #strikeDevice(device: SimDevice): void {
    const { fleet, random } = this.#options;
    const [name, fault] = pickFault(DEVICE_FAULTS, random);
    fleet.time.trace(`fault: ${device.name} ${name}`);
    const over = this.#begin(device, [device]);
    const killAndRestart = (awayMs: number) => this.#killAgent(device, awayMs, over);
    fault({ fleet, random, target: device, over, killAndRestart });
  }

  #killHub(awayMs: number, over: () => void): void {
    const { fleet, hubDied } = this.#options;
    const overToo = this.#begin(fleet.hub, fleet.devices);
    fleet.hub.kill();
    hubDied();
    this.#comeback(fleet.hub, { awayMs, start: () => fleet.hub.start(), over: [over, overToo] });
  }

  #killAgent(device: SimDevice, awayMs: number, over: () => void): void {
    const overToo = this.#begin(device, [device]);
    device.kill();
    this.#comeback(device, { awayMs, start: () => device.start(), over: [over, overToo] });
  }

  #comeback(target: object, plan: Parameters<Comeback["plan"]>[0]): void {
    const { fleet } = this.#options;
    const comeback = this.#comebacks.get(target) ?? new Comeback(fleet);
    this.#comebacks.set(target, comeback);
    comeback.plan(plan);
  }

  #begin(target: object, disturbed: readonly SimDevice[]): () => void {
    const { truth } = this.#options;
    this.#busy.add(target);
    const calm = truth.disturb(disturbed);
    return () => {
      this.#busy.delete(target);
      calm();
    };
  }

  /** Kills that were planned and never struck are called off. */
  #end(): void {
    const { fleet } = this.#options;
    fleet.time.trace("no more faults");
    fleet.hubHost.databases.fault = undefined;
    for (const device of fleet.devices) device.host.databases.fault = undefined;
  }
}

/** Brings a program back after its last kill, however many came before it was up again. */
class Comeback {
  readonly #fleet: SimFleet;
  #kills = 0;
  readonly #over: (() => void)[] = [];

  constructor(fleet: SimFleet) {
    this.#fleet = fleet;
  }

  plan(plan: { awayMs: number; start(): Promise<unknown>; over: readonly (() => void)[] }): void {
    this.#kills += 1;
    const kill = this.#kills;
    this.#over.push(...plan.over);
    this.#fleet.time.after(plan.awayMs, () => {
      if (kill !== this.#kills) return;
      plan.start().then(
        () => {
          if (kill === this.#kills) for (const over of this.#over.splice(0)) over();
        },
        (error: unknown) => {
          if (kill === this.#kills)
            this.#fleet.ledger.violate(`a program did not come back: ${String(error)}`);
        },
      );
    });
  }
}

function pickFault<Fault>(faults: Record<string, Fault>, random: SeededRandom): [string, Fault] {
  const [first, ...others] = Object.entries(faults);
  if (first === undefined) throw new Error("there are no faults");
  return random.pick([first, ...others]);
}
