// One terminal of one device while somebody looks at it: opened, cut and taken up again, over. The device keeps it for
// ten minutes after it was left, and this tab remembers its name for so long.
import type { RemoteShell, ShellEvents, ShellWish } from "../../../src/client/commands/remote-shell.ts";
import { utf8 } from "../../../src/protocol/bytes.ts";
import { publicError, type ErrorCode, type MusterError } from "../../../src/protocol/errors.ts";
import type { Timer, Timers } from "../../../src/world/world.ts";
import { createStore, type Store } from "../state/store.ts";
import { Screen, type ScreenSize } from "./screen.ts";

export interface TerminalState {
  /** `cut`: it is still there, and is taken up again as soon as it can be. */
  at: "closed" | "opening" | "open" | "cut";
  /** How the last one ended, in words. */
  ended: string | null;
  problem: MusterError | null;
  /** Rises with each picture that is to be drawn. */
  picture: number;
}

export interface TerminalDeskOptions {
  /** Throws why it can't be opened. */
  shell(wish: ShellWish, events: ShellEvents): Pick<RemoteShell, "input" | "resize" | "leave">;
  /** Of this tab: the name of the shell that was left. */
  remembered: { get(): string | undefined; set(session: string | undefined): void };
  timers: Pick<Timers, "after">;
  /** Before the next picture is drawn. */
  soon(draw: () => void): void;
}

const CUT: ReadonlySet<ErrorCode> = new Set(["session_cut", "device_offline", "hub_unreachable"]);
const AGAIN_MS = 2_000;
const USUAL: ScreenSize = { cols: 80, rows: 24 };

export class TerminalDesk {
  readonly store: Store<TerminalState>;
  screen: Screen;
  readonly #options: TerminalDeskOptions;
  #size = USUAL;
  #shell: ReturnType<TerminalDeskOptions["shell"]> | undefined;
  #again: Timer | undefined;
  #isBegun = false;
  #isDrawing = false;

  constructor(options: TerminalDeskOptions) {
    this.#options = options;
    this.screen = this.#empty();
    const at = options.remembered.get() === undefined ? "closed" : "cut";
    this.store = createStore<TerminalState>({ at, ended: null, problem: null, picture: 0 });
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
  }

  open(): void {
    if (this.#shell !== undefined) return;
    this.#again?.cancel();
    const session = this.#options.remembered.get();
    this.store.set({ at: "opening", ended: null, problem: null });
    const mine: { shell: ReturnType<TerminalDeskOptions["shell"]> | undefined } = { shell: undefined };
    const isMine = (): boolean => mine.shell === undefined || this.#shell === mine.shell;
    const over = (state: Partial<TerminalState>): void => {
      this.#shell = undefined;
      this.store.set(state);
    };
    try {
      mine.shell = this.#options.shell(
        { ...this.#size, session },
        {
          opened: (name) => {
            if (!isMine()) return;
            this.#options.remembered.set(name);
            this.screen = this.#empty();
            this.store.set({ at: "open" });
            this.#draw();
          },
          output: (bytes) => {
            if (!isMine()) return;
            this.screen.write(bytes);
            this.#draw();
          },
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

  /** Text as it was typed. */
  type(text: string): void {
    try {
      this.#shell?.input(utf8(text));
    } catch (error) {
      this.store.set({ problem: publicError(error) });
    }
  }

  resize(size: ScreenSize): void {
    if (size.cols === this.#size.cols && size.rows === this.#size.rows) return;
    this.#size = size;
    this.screen.resize(size);
    this.#shell?.resize(size);
    this.#draw();
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

  #empty(): Screen {
    return new Screen(this.#size, { answer: (text) => this.type(text) });
  }

  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    this.#options.soon(() => {
      this.#isDrawing = false;
      this.store.set({ picture: this.store.get().picture + 1 });
    });
  }
}
