// One run of a program on a simulated host: its clock and timers. It may be stopped (SIGSTOP), put to sleep
// with its host, or killed; a killed one does nothing ever again, whatever its promises still wait for.
import type { Clock, Timer, Timers } from "../../src/world/world.ts";
import type { SimEvent } from "./event-queue.ts";
import type { SimTime } from "./sim-time.ts";

export interface HostClock {
  /** Wall time at the beginning of the run, jumps included. */
  wallBaseMs: number;
  /** How long the host has slept: the monotonic clock stood still. */
  sleptMs: number;
}

interface SetTimer {
  readonly run: () => void;
  event: (SimEvent & Timer) | undefined;
  cancelled: boolean;
}

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly #time: SimTime;
  readonly #pending = new Set<SetTimer>();
  #state: "running" | "stopped" | "asleep" | "dead" = "running";
  #runningSinceMs: number;
  /** What came due while it was stopped, in order. */
  #late: (() => void)[] = [];

  constructor(name: string, time: SimTime, host: HostClock) {
    this.name = name;
    this.#time = time;
    this.#runningSinceMs = time.nowMs;
    this.clock = {
      now: () => Math.floor(host.wallBaseMs + time.nowMs),
      monotonic: () => time.nowMs - host.sleptMs,
    };
    this.timers = {
      after: (delayMs, run) => this.#after(delayMs, run),
      every: (periodMs, run) => this.#every(periodMs, run),
      soon: (run) => void time.after(0, () => this.whenRunning(run), "after"),
    };
  }

  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** Since when it has been running without a stop. */
  get runningSinceMs(): number {
    return this.#runningSinceMs;
  }

  /** Timers that are set. What is left after everything was closed was forgotten. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Now, or once it goes on; never when it is dead. */
  whenRunning(run: () => void): void {
    if (this.#state === "running") run();
    else if (this.#state !== "dead") this.#late.push(run);
  }

  kill(): void {
    this.#state = "dead";
    this.#late = [];
    for (const timer of this.#pending) timer.event?.cancel();
    this.#pending.clear();
  }

  /** SIGSTOP: its clock goes on, its timers come late. */
  stop(): void {
    if (this.#state === "running") this.#state = "stopped";
  }

  continue(): void {
    if (this.#state === "stopped") this.#goOn();
  }

  /** Its host sleeps: its monotonic clock stands still, and so do its timers. */
  sleep(): void {
    if (this.#state === "running") this.#state = "asleep";
  }

  wake(sleptMs: number): void {
    if (this.#state !== "asleep") return;
    for (const timer of this.#pending) {
      timer.event?.cancel();
      this.#set(timer, (timer.event?.atMs ?? 0) + sleptMs - this.#time.nowMs);
    }
    this.#goOn();
  }

  #goOn(): void {
    this.#state = "running";
    this.#runningSinceMs = this.#time.nowMs;
    const late = this.#late;
    this.#late = [];
    for (const run of late) this.#time.after(0, () => this.whenRunning(run));
  }

  #after(delayMs: number, run: () => void): Timer {
    const timer = { run, event: undefined, cancelled: false };
    if (this.#state !== "dead") this.#set(timer, delayMs);
    return { cancel: () => this.#cancel(timer) };
  }

  #every(periodMs: number, run: () => void): Timer {
    let cancelled = false;
    let timer: Timer | undefined;
    // As real intervals do: what was missed is not made up for.
    const arm = () => {
      timer = this.#after(periodMs, () => {
        try {
          run();
        } finally {
          if (!cancelled) arm();
        }
      });
    };
    arm();
    return {
      cancel: () => {
        cancelled = true;
        timer?.cancel();
      },
    };
  }

  #set(timer: SetTimer, delayMs: number): void {
    this.#pending.add(timer);
    timer.event = this.#time.after(delayMs, () => {
      // Set anew when the host wakes.
      if (this.#state === "asleep") return;
      this.whenRunning(() => {
        if (timer.cancelled) return;
        this.#pending.delete(timer);
        timer.run();
      });
    });
  }

  #cancel(timer: SetTimer): void {
    timer.cancelled = true;
    timer.event?.cancel();
    this.#pending.delete(timer);
  }
}
