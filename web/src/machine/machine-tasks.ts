// The tasks of one device while somebody looks at them: the list, asked for anew now and then, and the log of the one
// that is open, as it grows. Everything is bounded: the list is one page, the log its end.
import type { DeviceTasks } from "../../../src/client/commands/device-tasks.ts";
import { MusterError, publicError, type ErrorCode } from "../../../src/protocol/errors.ts";
import type { TaskSummary } from "../../../src/protocol/tasks.ts";
import type { Timer, Timers } from "../../../src/world/world.ts";
import { createStore, type Store } from "../state/store.ts";
import { LOG_TEXT_MAX, LogText, type LogPart } from "./log-text.ts";
import { isOver } from "./task-words.ts";

export interface OpenedLog {
  task: string;
  parts: readonly LogPart[];
  /** What stood before is not shown. */
  isCut: boolean;
  at: "reading" | "following" | "ended" | "failed";
  problem: MusterError | null;
}

export interface TasksState {
  /** Null until the device has answered once. */
  tasks: readonly TaskSummary[] | null;
  /** Why the list is not what it is now. */
  problem: MusterError | null;
  log: OpenedLog | null;
  /** The one whose log is open, as the device told of it; it may be older than the list. */
  opened: TaskSummary | null;
}

export type AskedDevice = Pick<DeviceTasks, "ask" | "run" | "follow" | "close">;

export interface MachineTasksOptions {
  timers: Timers;
  /** Opens the way to the device. Throws why there is none. */
  reach(): AskedDevice;
  isVisible(): boolean;
}

export const TASKS_SHOWN = 30;
const REFRESH_MS = 5_000;
const CUT: ReadonlySet<ErrorCode> = new Set(["session_cut", "device_offline", "hub_unreachable"]);

/** What was last known stays between an end and the next beginning. */
export class MachineTasks {
  readonly store: Store<TasksState> = createStore<TasksState>({
    tasks: null,
    problem: null,
    log: null,
    opened: null,
  });
  readonly #options: MachineTasksOptions;
  #device: AskedDevice | undefined;
  #refreshing: Timer | undefined;
  #following: AbortController | undefined;
  #asking: AskedDevice | undefined;

  constructor(options: MachineTasksOptions) {
    this.#options = options;
  }

  /** The device can be asked from now on. */
  begin(): void {
    const { timers, reach, isVisible } = this.#options;
    try {
      this.#device = reach();
    } catch (error) {
      return this.store.set({ problem: publicError(error) });
    }
    this.#refresh();
    this.#refreshing = timers.every(REFRESH_MS, () => isVisible() && this.#refresh());
    const { log } = this.store.get();
    if (log !== null) this.open(log.task);
  }

  end(): void {
    this.#refreshing?.cancel();
    this.#following?.abort();
    this.#device?.close();
    this.#device = undefined;
  }

  async run(script: string): Promise<void> {
    const task = await this.#demand().run(script);
    this.#put(task);
    this.open(task.id);
  }

  async cancel(task: string): Promise<void> {
    this.#put((await this.#demand().ask("cancel", { task })).task);
  }

  /** Null closes what is open. */
  open(task: string | null): void {
    this.#following?.abort();
    this.#following = undefined;
    if (task === null) return this.store.set({ log: null, opened: null });
    const before = this.store.get().log;
    const parts = before?.task === task ? before.parts : [];
    this.store.set({ log: { task, parts, isCut: false, at: "reading", problem: null } });
    if (this.#device === undefined) return;
    this.#following = new AbortController();
    void this.#follow(this.#device, task, this.#following.signal);
  }

  #refresh(): void {
    const device = this.#device;
    if (device === undefined || this.#asking === device) return;
    this.#asking = device;
    device
      .ask("list", { limit: TASKS_SHOWN, cursor: null })
      .then(
        ({ items }) => {
          this.store.set({ tasks: items, problem: null });
          this.#followAgain();
        },
        // One that was left may fail unseen.
        (error: unknown) => this.#device === device && this.store.set({ problem: publicError(error) }),
      )
      .finally(() => (this.#asking = undefined));
  }

  async #follow(device: AskedDevice, task: string, left: AbortSignal): Promise<void> {
    let text = new LogText();
    const show = (part: Partial<OpenedLog>): void => {
      const { log: shown } = this.store.get();
      if (!left.aborted && shown !== null) this.store.set({ log: { ...shown, ...part } });
    };
    try {
      const { task: view } = await device.ask("show", { task });
      if (left.aborted) return;
      this.store.set({ opened: view });
      const from = Math.max(0, view.logs_bytes - LOG_TEXT_MAX);
      show({ at: isOver(view) ? "reading" : "following", isCut: from > 0 });
      let isRunning = view.status !== "pending";
      let [at, isCut] = [from, from > 0];
      for await (const page of device.follow(task, { from, latestBytes: LOG_TEXT_MAX }, left)) {
        // What writes has begun, whatever the list says.
        if (!isRunning && page.pieces.length > 0) this.#refresh();
        isRunning ||= page.pieces.length > 0;
        if (page.at > at) [text, isCut] = [new LogText(), true];
        at = page.next;
        for (const piece of page.pieces) text.push(piece);
        show({ parts: text.parts, isCut: isCut || text.isCut });
      }
      show({ at: "ended", parts: text.parts });
      if (!isOver(view)) this.#put((await device.ask("show", { task })).task);
    } catch (error) {
      show({ at: "failed", problem: publicError(error) });
    }
  }

  /** The device answers, so a log that was cut goes on. */
  #followAgain(): void {
    const { log } = this.store.get();
    if (log?.at === "failed" && log.problem !== null && CUT.has(log.problem.code)) this.open(log.task);
  }

  #put(task: TaskSummary): void {
    if (this.store.get().opened?.id === task.id) this.store.set({ opened: task });
    const others = (this.store.get().tasks ?? []).filter(({ id }) => id !== task.id);
    this.store.set({ tasks: [task, ...others].toSorted(later).slice(0, TASKS_SHOWN) });
  }

  #demand(): AskedDevice {
    if (this.#device !== undefined) return this.#device;
    throw new MusterError("unavailable", "the device can't be asked now");
  }
}

function later(a: TaskSummary, b: TaskSummary): number {
  return Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : -1);
}
