// Whether the database of tasks, which may be on another machine, can be used: asked now and then, because a status
// that says nothing until somebody wants a task would be no status. SQLite needs no such watch.
import { publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { Notices } from "../notices.ts";
import type { TaskStore } from "./task-store.ts";

export interface StoreWatchOptions {
  store: Pick<TaskStore, "list">;
  timers: Pick<Timers, "after">;
  notices: Pick<Notices, "set" | "clear">;
  log: Pick<Log, "info" | "warn">;
}

const LOOK_EVERY_MS = 5000;
/** A server behind a network that is cut neither answers nor fails for minutes. */
const PATIENCE_MS = 5000;

export function watchStore(options: StoreWatchOptions): { cancel(): void } {
  const { store, timers, notices, log } = options;
  let closed = false;
  let away = false;
  let timer: Timer;
  let patience: Timer | undefined;
  const missing = (problem: string): void => {
    notices.set("tasks", `no tasks can be taken: ${problem}`);
    if (!away) log.warn("the database of tasks can't be used", { problem });
    away = true;
  };
  const look = (): void => {
    patience = timers.after(PATIENCE_MS, () => missing("their database does not answer"));
    store
      .list({ limit: 1 })
      .then(
        () => {
          if (closed) return;
          notices.clear("tasks");
          if (away) log.info("the database of tasks can be used again", {});
          away = false;
        },
        (error: unknown) => {
          if (!closed) missing(publicError(error).message);
        },
      )
      .finally(() => {
        patience?.cancel();
        if (!closed) timer = timers.after(LOOK_EVERY_MS, look);
      });
  };
  timer = timers.after(LOOK_EVERY_MS, look);
  return {
    cancel() {
      closed = true;
      timer.cancel();
      patience?.cancel();
    },
  };
}
