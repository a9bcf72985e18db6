// What a run does to a fleet. A fault begins at a moment of the plan and calls `over` when what it did is
// undone; until then nothing else befalls the same machine, save a kill at a write that was planned before.
import type { SimDevice } from "./sim-device.ts";
import type { SimFleet } from "./sim-fleet.ts";
import type { SeededRandom } from "./sim-random.ts";

export interface Scene<Target> {
  fleet: SimFleet;
  random: SeededRandom;
  target: Target;
  /** Kills the target's program and brings it back. */
  killAndRestart(awayMs: number): void;
  over(): void;
}

export type HubFault = (scene: Scene<SimFleet["hub"]>) => void;
export type DeviceFault = (scene: Scene<SimDevice>) => void;

/** Faults of which somebody is told at once, or which only make a device dial anew. */
const MOMENT_MS = 100;
/** A device looks at its clocks and addresses every second. */
const LOOK_MS = 1100;

export const HUB_FAULTS: Record<string, HubFault> = {
  killed: ({ random, killAndRestart }) => killAndRestart(random.between(50, 1500)),

  killed_at_a_write: ({ fleet, random, killAndRestart, over }) => {
    fleet.hubHost.databases.fault = {
      after: random.whole(1, 60),
      takesEffect: random.chance(0.5),
      strike: () => killAndRestart(random.between(50, 500)),
    };
    over();
  },

  stopped: ({ fleet, random, over }) => {
    const process = fleet.hub.run?.process;
    process?.stop();
    fleet.time.after(random.between(300, 6000), () => {
      process?.continue();
      over();
    });
  },

  power_lost: ({ fleet, random, killAndRestart }) => {
    const awayMs = random.between(500, 3000);
    fleet.hubHost.losePower();
    killAndRestart(awayMs);
    fleet.time.after(awayMs / 2, () => {
      fleet.hubHost.boot();
      fleet.observe();
      for (const visitor of fleet.visitors) visitor.giveUp();
    });
  },

  clock_jumped: ({ fleet, random, over }) => {
    fleet.hubHost.jumpWallClock(jumpMs(random));
    over();
  },
};

export const DEVICE_FAULTS: Record<string, DeviceFault> = {
  killed: ({ random, killAndRestart }) => killAndRestart(random.between(50, 1000)),

  killed_at_a_write: ({ target, random, killAndRestart, over }) => {
    target.host.databases.fault = {
      after: random.whole(1, 20),
      takesEffect: random.chance(0.5),
      strike: () => killAndRestart(random.between(50, 500)),
    };
    over();
  },

  stopped: ({ fleet, target, random, over }) => {
    const process = target.run?.process;
    process?.stop();
    fleet.time.after(random.between(300, 7000), () => {
      process?.continue();
      over();
    });
  },

  app_killed: ({ fleet, target, random, over }) => {
    target.killApp();
    fleet.time.after(random.between(50, 1000), () => {
      void target.startApp();
      over();
    });
  },

  slept: ({ fleet, target, random, over }) => {
    target.host.sleep();
    fleet.time.after(random.between(300, 8000), () => {
      target.host.wake();
      over();
    });
  },

  power_lost: ({ fleet, target, random, killAndRestart }) => {
    const awayMs = random.between(500, 3000);
    target.host.losePower();
    killAndRestart(awayMs);
    fleet.time.after(awayMs / 2, () => {
      target.host.boot();
      void target.startApp();
    });
  },

  clock_jumped: ({ fleet, target, random, over }) => {
    target.host.jumpWallClock(jumpMs(random));
    fleet.time.after(LOOK_MS, over);
  },

  moved: ({ fleet, target, random, over }) => {
    target.host.moveTo(`203.0.113.${random.whole(30, 250)}`);
    fleet.time.after(LOOK_MS, over);
  },

  trunk_reset: ({ fleet, target, over }) => {
    fleet.network.resetBetween(target.name, fleet.hubHost.name);
    fleet.time.after(MOMENT_MS, over);
  },

  partition: (scene) => cut(scene, ["up", "down"]),
  nothing_goes_up: (scene) => cut(scene, ["up"]),
  nothing_comes_down: (scene) => cut(scene, ["down"]),
};

function cut({ fleet, target, random, over }: Scene<SimDevice>, ways: readonly ("up" | "down")[]): void {
  const { paths } = fleet.network;
  const hub = fleet.hubHost.name;
  const ends = (way: "up" | "down") =>
    way === "up" ? ([target.name, hub] as const) : ([hub, target.name] as const);
  for (const way of ways) paths.cut(...ends(way));
  fleet.time.after(random.chance(0.3) ? random.between(8000, 20_000) : random.between(200, 8000), () => {
    for (const way of ways) paths.mend(...ends(way));
    over();
  });
}

/** Up to ten minutes, either way. */
function jumpMs(random: SeededRandom): number {
  return Math.round(random.between(-600_000, 600_000));
}
