// One terminal of one device while somebody looks at it: opened, cut and taken up again, over. The device keeps it for
// ten minutes after it was left, and this tab remembers its name for so long.
import type {
  RemoteShell,
  ShellEvents,
  ShellSize,
  ShellWish,
} from "../../../src/client/commands/remote-shell.ts";
import { MusterError, publicError, type ErrorCode } from "../../../src/protocol/errors.ts";
import type { Timer, Timers } from "../../../src/world/world.ts";
import { createStore, type Store } from "../state/store.ts";
import { boundedOutput, type OutputTarget } from "./bounded-output.ts";

export interface TerminalState {
  /** `cut`: it is still there, and is taken up again as soon as it can be. */
  at: "closed" | "opening" | "open" | "cut";
  /** How the last one ended, in words. */
  ended: string | null;
  problem: MusterError | null;
}

/** Where a person sees it. It takes time to come, and goes with its part of the page. */
export interface TerminalScreen extends OutputTarget {
  readonly size: ShellSize;
  /** As it was at first. */
  clear(): void;
}

type Shell = Pick<RemoteShell, "input" | "resize" | "pause" | "resume" | "leave">;

export interface TerminalDeskOptions {
  /** Throws why it can't be opened. */
  shell(wish: ShellWish, events: ShellEvents): Shell;
  /** Of this tab: the name of the shell that was left. */
  remembered: { get(): string | undefined; set(session: string | undefined): void };
  timers: Pick<Timers, "after">;
}

const CUT: ReadonlySet<ErrorCode> = new Set(["session_cut", "device_offline", "hub_unreachable"]);
const AGAIN_MS = 2_000;

export class TerminalDesk {
  readonly store: Store<TerminalState>;
  readonly #options: TerminalDeskOptions;
  #screen: TerminalScreen | undefined;
  #shell: Shell | undefined;
  #again: Timer | undefined;
  #isBegun = false;
  /** Of what comes, shown once already: what it asks was answered then. */
  #pastBytes = 0;

  constructor(options: TerminalDeskOptions) {
    this.#options = options;
    this.store = createStore<TerminalState>({ at: this.#leftAt(), ended: null, problem: null });
  }

  /** The device can be reached from now on. */
  begin(): void {
    this.#isBegun = true;
    if (this.store.get().at === "cut") this.open();
  }

  /** It can't any more, or nobody looks: what runs there goes on. */
  end(): void {
    this.#isBegun = false;
    this.#again?.cancel();
    const shell = this.#shell;
    this.#shell = undefined;
    shell?.leave();
    if (shell !== undefined) this.store.set({ at: "cut" });
    else if (this.store.get().at === "opening") this.store.set({ at: this.#leftAt() });
  }

  /** There is a screen from now on: what is being opened waits for its size. */
  show(screen: TerminalScreen): void {
    this.#screen = screen;
    if (this.store.get().at === "opening" && this.#shell === undefined) this.#dial(screen);
  }

  /** The screen went, or never came: then with the reason. */
  hide(problem?: MusterError): void {
    this.#screen = undefined;
    if (problem !== undefined && this.#shell === undefined) this.store.set({ at: "closed", problem });
  }

  open(): void {
    if (this.#shell !== undefined) return;
    this.#again?.cancel();
    this.store.set({ at: "opening", ended: null, problem: null });
    if (this.#screen !== undefined) this.#dial(this.#screen);
  }

  /** As it was typed, or answered by the screen: one and the same, so that neither is heard before all of it is shown. */
  type(bytes: Uint8Array): void {
    if (this.#pastBytes > 0) return;
    try {
      this.#shell?.input(bytes);
    } catch (error) {
      this.store.set({ problem: publicError(error) });
    }
  }

  resize(size: ShellSize): void {
    this.#shell?.resize(size);
  }

  #dial(screen: TerminalScreen): void {
    const session = this.#options.remembered.get();
    const mine: { shell: Shell | undefined } = { shell: undefined };
    const isMine = (): boolean => mine.shell === undefined || this.#shell === mine.shell;
    const over = (state: Partial<TerminalState>): void => {
      this.#shell = undefined;
      this.store.set(state);
    };
    const shown = (bytes: number): void => {
      if (isMine()) this.#pastBytes = Math.max(0, this.#pastBytes - bytes);
    };
    const target: OutputTarget = {
      write: (bytes, done) =>
        screen.write(bytes, () => {
          shown(bytes.length);
          done();
        }),
    };
    const show = boundedOutput(target, {
      pause: () => mine.shell?.pause(),
      resume: () => mine.shell?.resume(),
    });
    try {
      mine.shell = this.#options.shell(
        { ...screen.size, session },
        {
          opened: (name, pastBytes) => {
            if (!isMine()) return;
            this.#pastBytes = pastBytes;
            this.#options.remembered.set(name);
            screen.clear();
            this.store.set({ at: "open" });
          },
          output: (bytes) => isMine() && show(bytes),
          ended: ({ how, reason }) => {
            if (!isMine()) return;
            this.#options.remembered.set(undefined);
            over({ at: "closed", ended: how ?? reason ?? "it was left" });
          },
          failed: (problem) => isMine() && this.#failed(problem, session !== undefined),
        },
      );
      this.#shell = mine.shell;
    } catch (error) {
      over({ at: session === undefined ? "closed" : "cut", problem: publicError(error) });
    }
  }

  #failed(problem: MusterError, wasKept: boolean): void {
    const { remembered, timers } = this.#options;
    const wasOpen = this.store.get().at === "open";
    this.#shell = undefined;
    if (!wasOpen && wasKept && problem.code === "not_found") {
      // Its ten minutes are over.
      remembered.set(undefined);
      return this.open();
    }
    if ((wasOpen || wasKept) && CUT.has(problem.code)) {
      this.store.set({ at: "cut", problem });
      if (this.#isBegun) this.#again = timers.after(AGAIN_MS, () => this.open());
      return;
    }
    remembered.set(undefined);
    this.store.set({ at: "closed", problem });
  }

  #leftAt(): TerminalState["at"] {
    return this.#options.remembered.get() === undefined ? "closed" : "cut";
  }
}
