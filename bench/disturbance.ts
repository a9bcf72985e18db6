// How much of the machine others had while the bench ran: a figure of a busy machine is none.
import { readFileSync } from "node:fs";

export interface Disturbance {
  /** Of all processors, by processes that the bench did not start. */
  othersShare: number;
  /** By the machine underneath, where this one is virtual. */
  stolenShare: number;
}

/** Above either share a run says that it was disturbed. */
const OTHERS_BEAR = 0.1;
const STOLEN_BEAR = 0.02;

/** Returns how it was since the call. To be asked when all that was started has ended. */
export function watchOthers(): () => Disturbance {
  const before = look();
  return () => {
    const after = look();
    const all = after.allTicks - before.allTicks;
    const busy = after.busyTicks - before.busyTicks - (after.ownTicks - before.ownTicks);
    return {
      othersShare: Math.max(0, busy / all),
      stolenShare: (after.stolenTicks - before.stolenTicks) / all,
    };
  };
}

export function isDisturbed({ othersShare, stolenShare }: Disturbance): boolean {
  return othersShare > OTHERS_BEAR || stolenShare > STOLEN_BEAR;
}

/** proc(5): /proc/stat, and this process with its children that have ended. */
function look(): { allTicks: number; busyTicks: number; stolenTicks: number; ownTicks: number } {
  const [machine = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, stolen = 0] = machine
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const self = readFileSync("/proc/self/stat", "utf8");
  const own = self.slice(self.lastIndexOf(")") + 2).split(" ");
  return {
    allTicks: user + nice + system + idle + wait + irq + soft + stolen,
    busyTicks: user + nice + system,
    stolenTicks: stolen,
    ownTicks: own.slice(11, 15).reduce((sum, field) => sum + Number(field), 0),
  };
}
