// The service manager of this very process, if one started it.
import { realTimers } from "../../world/time.ts";
import type { Environment } from "../parts.ts";
import { notifyManager, type ServiceNotices } from "./notify-manager.ts";

export function openNotices(environment: Environment): Promise<ServiceNotices> {
  return notifyManager(environment, {
    timers: realTimers,
    pid: process.pid,
    // Loaded only under a manager: it reaches into the C library.
    open: async (path) => (await import("../../world/notify-socket.ts")).openNotifySocket(path),
  });
}
