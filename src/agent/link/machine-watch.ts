// Notices what makes a trunk worthless although nothing was closed: the machine slept, or its network changed.
//
// Sleep: the monotonic clock stands still in suspend on Linux, so wall time runs ahead of it; or, where it
// does not stand still (and after SIGSTOP), a one-second timer comes seconds late. A jump of the wall clock
// looks the same; dialling anew is then merely superfluous.
import type { Clock, Network, Timers } from "../../world/world.ts";

export const LOOK_EVERY_MS = 1000;
export const DRIFT_MS = 2000;
export const LATE_MS = 3000;

export type MachineEvent = "woke" | "network_changed";

/** Calls `happened` until the returned function is called. */
export function watchMachine(
  world: { clock: Clock; timers: Timers; network: Pick<Network, "interfaces" | "defaultRoute"> },
  happened: (event: MachineEvent) => void,
): () => void {
  let wallMs = world.clock.now();
  let monotonicMs = world.clock.monotonic();
  let addresses = addressesOf(world.network);
  const timer = world.timers.every(LOOK_EVERY_MS, () => {
    const wallNow = world.clock.now();
    const monotonicNow = world.clock.monotonic();
    const drift = Math.abs(wallNow - wallMs - (monotonicNow - monotonicMs));
    const late = monotonicNow - monotonicMs - LOOK_EVERY_MS;
    wallMs = wallNow;
    monotonicMs = monotonicNow;
    const known = addresses;
    addresses = addressesOf(world.network);
    if (drift > DRIFT_MS || late > LATE_MS) happened("woke");
    else if (known !== addresses) happened("network_changed");
  });
  return () => timer.cancel();
}

/** Loopback is left out: it never changes what leads to a hub elsewhere. */
function addressesOf(network: Pick<Network, "interfaces" | "defaultRoute">): string {
  const outer = network.interfaces().filter((one) => !one.internal);
  const sorted = outer.map((one) => `${one.name} ${one.address}`).toSorted();
  return [...sorted, network.defaultRoute()].join("\n");
}
