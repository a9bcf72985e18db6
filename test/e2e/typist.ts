// A person who types at a terminal of their own, with what a terminal brings along.
import { PROGRAM, type Home } from "./harness.ts";
import { until } from "./until.ts";

/** A person at a terminal in which `muster` runs. */
export class Typist implements Disposable {
  shown = "";
  readonly exited: Promise<number>;
  readonly #child: Bun.Subprocess;

  constructor(home: Home, args: readonly string[]) {
    const decoder = new TextDecoder();
    this.#child = Bun.spawn([PROGRAM, ...args], {
      cwd: home.folder,
      env: { ...process.env, MUSTER_HOME: home.path, TEST_HOME_MARK: home.folder, TERM: "xterm" },
      terminal: {
        cols: 80,
        rows: 24,
        data: (_, bytes) => void (this.shown += decoder.decode(bytes, { stream: true })),
      },
    });
    this.exited = this.#child.exited;
  }

  /** Types a line, and waits for what it brings to be shown. */
  async line(text: string, shows: string): Promise<void> {
    const before = this.shown.length;
    this.#child.terminal?.write(`${text}\r`);
    await this.see(shows, before);
  }

  async see(text: string, from = 0): Promise<void> {
    await until(`"${text}" on the screen`, () => this.shown.slice(from).includes(text)).catch(
      (error: unknown) => {
        throw new Error(`instead: ${JSON.stringify(this.shown.slice(from))}`, { cause: error });
      },
    );
  }

  press(keys: string): void {
    this.#child.terminal?.write(keys);
  }

  resize(cols: number, rows: number): void {
    this.#child.terminal?.resize(cols, rows);
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
    this.#child.terminal?.close();
  }
}
