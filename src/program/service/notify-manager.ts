// What a program tells the service manager that started it (sd_notify(3)): it is ready, it is alive, it ends.
// The sign of life comes from the same loop that does the work, so a program that hangs is started anew.
import type { Environment } from "../parts.ts";
import type { Timers } from "../../world/world.ts";
import type { Notify } from "../../world/notify-socket.ts";

export interface ServiceNotices {
  ready(status: string): void;
  stopping(): void;
}

const NONE: ServiceNotices = { ready() {}, stopping() {} };

export interface NotifyParts {
  timers: Pick<Timers, "every">;
  pid: number;
  open(path: string): Promise<Notify | undefined>;
}

/** Does nothing where no manager listens. Signs of life begin at once: a start may take long. */
export async function notifyManager(
  environment: Environment,
  { timers, pid, open }: NotifyParts,
): Promise<ServiceNotices> {
  const path = environment["NOTIFY_SOCKET"] ?? "";
  const notify = path === "" ? undefined : await open(path);
  if (notify === undefined) return NONE;
  const periodMs = watchdogMs(environment, pid);
  const pulse = periodMs === undefined ? undefined : timers.every(periodMs / 2, () => notify("WATCHDOG=1"));
  return {
    ready: (status) => void notify(`READY=1\nSTATUS=${status.replaceAll(/\s+/g, " ")}`),
    stopping() {
      pulse?.cancel();
      notify("STOPPING=1");
    },
  };
}

/** Within which a sign of life is due; undefined where nobody waits for one of this process. */
function watchdogMs(environment: Environment, pid: number): number | undefined {
  const microseconds = Number(environment["WATCHDOG_USEC"] ?? "");
  const whose = environment["WATCHDOG_PID"] ?? "";
  if (!Number.isSafeInteger(microseconds) || microseconds < 1000) return undefined;
  return whose === "" || whose === String(pid) ? microseconds / 1000 : undefined;
}
