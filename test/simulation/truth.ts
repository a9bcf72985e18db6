// What is really so in a run, as only the simulator knows it: which device could reach the hub, since when,
// and what has disturbed it. Checkers hold against it what programs say of themselves.
import type { SimDevice } from "./sim-device.ts";
import type { SimTime } from "./sim-time.ts";

interface Condition {
  /** Disturbances that last at this moment. */
  active: number;
  /** Since when it has been disturbed, or calm. */
  sinceMs: number;
  /** When the last disturbance began. */
  lastBeganMs: number;
}

export class Truth {
  readonly #time: SimTime;
  readonly #conditions = new Map<SimDevice, Condition>();

  constructor(time: SimTime) {
    this.#time = time;
  }

  /** From now on something keeps these devices from the hub; the returned function ends it. */
  disturb(devices: readonly SimDevice[]): () => void {
    for (const device of devices) this.#change(device, 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      for (const device of devices) this.#change(device, -1);
    };
  }

  /** Since when it has been kept from the hub; undefined while it is not. */
  disturbedSinceMs(device: SimDevice): number | undefined {
    const condition = this.#conditions.get(device);
    return condition !== undefined && condition.active > 0 ? condition.sinceMs : undefined;
  }

  /** Since when nothing has kept it from the hub; undefined while something does. */
  calmSinceMs(device: SimDevice): number | undefined {
    const condition = this.#conditions.get(device);
    if (condition === undefined) return 0;
    return condition.active === 0 ? condition.sinceMs : undefined;
  }

  lastDisturbedMs(device: SimDevice): number {
    return this.#conditions.get(device)?.lastBeganMs ?? 0;
  }

  #change(device: SimDevice, by: 1 | -1): void {
    const { nowMs } = this.#time;
    const condition = this.#conditions.get(device) ?? { active: 0, sinceMs: 0, lastBeganMs: 0 };
    this.#conditions.set(device, condition);
    const before = condition.active;
    condition.active += by;
    if (before === 0 || condition.active === 0) condition.sinceMs = nowMs;
    if (by === 1) condition.lastBeganMs = nowMs;
  }
}
