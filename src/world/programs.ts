// Programs that somebody talks to: with pipes for their input and outputs, or in a terminal of their own. Each leads
// its own process group, so that it is ended whole.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { systemCode } from "../protocol/errors.ts";
import type {
  PipedOptions,
  PipedProgram,
  Programs,
  SignalWord,
  TerminalOptions,
  TerminalProgram,
} from "./world.ts";

/** What a shell answers for a command that it cannot find, and for one that it may not run. */
const NOT_FOUND = 127;
const NOT_ALLOWED = 126;
const WHY_NOT: Readonly<Record<string, string>> = { ENOENT: "not found", EACCES: "permission denied" };
/** What a program leaves behind may hold its outputs open for ever: so long is waited for its last bytes. */
const LAST_BYTES_MS = 500;
/** And if it writes on: no longer than this, */
const LAST_BYTES_MAX_MS = 2000;
/** and no more than two pipes hold at most (pipe(7)), for what comes behind that was not written by the program. */
const LAST_BYTES_MAX = 2 * 1024 * 1024;

function piped(options: PipedOptions): PipedProgram {
  const [program, ...rest] = options.command;
  if (program === undefined) throw new Error("an empty command");
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: options.environment,
    detached: true,
    stdio: [options.input ? "pipe" : "ignore", "pipe", "pipe"],
  });
  let told = false;
  let paused = false;
  let ending: { code: number | null; signal: string | null } | undefined;
  let heardAtMs = 0;
  let lastBytes = 0;
  let lastMs = 0;
  const end = (code: number | null, signal: string | null): void => {
    if (told) return;
    told = true;
    child.stdout?.destroy();
    child.stderr?.destroy();
    options.ended(code, signal);
  };
  const look = (): void => {
    if (told || ending === undefined) return;
    if (!paused) {
      const isSilent = performance.now() - heardAtMs >= LAST_BYTES_MS;
      if (isSilent || lastMs >= LAST_BYTES_MAX_MS) return end(ending.code, ending.signal);
      lastMs += LAST_BYTES_MS / 2;
    }
    setTimeout(look, LAST_BYTES_MS / 2);
  };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (bytes: Buffer) => {
      if (told) return;
      heardAtMs = performance.now();
      options.output(name, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
      if (ending === undefined) return;
      lastBytes += bytes.length;
      if (lastBytes > LAST_BYTES_MAX) end(ending.code, ending.signal);
    });
    child[name]?.on("error", () => {}); // its end tells enough
  }
  child.stdin?.on("drain", () => options.inputDrained());
  child.stdin?.on("error", () => {}); // it may end without reading
  child.on("error", (error) => {
    const code = systemCode(error);
    const text = `${program}: ${WHY_NOT[code] ?? error.message}\n`;
    options.output("stderr", new TextEncoder().encode(text));
    end(code === "EACCES" ? NOT_ALLOWED : NOT_FOUND, null);
  });
  child.on("exit", (code, signal) => {
    ending = { code, signal };
    heardAtMs = performance.now();
    look();
  });
  child.on("close", (code, signal) => end(code, signal));
  const pid = child.pid ?? 0;
  return {
    pid,
    write: (bytes) => child.stdin?.write(new Uint8Array(bytes)) ?? true,
    endInput: () => void child.stdin?.end(),
    pause() {
      paused = true;
      child.stdout?.pause();
      child.stderr?.pause();
    },
    resume() {
      paused = false;
      heardAtMs = performance.now();
      child.stdout?.resume();
      child.stderr?.resume();
    },
    signal: (name) => signalGroup(pid, name),
  };
}

function terminal(options: TerminalOptions): TerminalProgram {
  const { cols, rows, cwd, environment } = options;
  let drained = (): void => {};
  // The terminal's end comes behind the last that was shown; what is left behind may keep it open.
  const empty = new Promise<void>((resolve) => (drained = resolve));
  // Made together with the program, so that it controls it: else Ctrl-C and a new size reach nobody.
  const child = Bun.spawn(options.command, {
    cwd,
    env: environment,
    terminal: {
      cols,
      rows,
      data: (_, bytes) => options.output(new Uint8Array(bytes)),
      exit: () => drained(),
    },
  });
  const shown = child.terminal;
  const late = new Promise<void>((resolve) => {
    void child.exited.finally(() => setTimeout(resolve, LAST_BYTES_MS));
  });
  void child.exited
    .catch(() => {}) // its code says as much
    .then(() => Promise.race([empty, late]))
    .then(() => options.ended(child.exitCode, child.signalCode === null ? null : String(child.signalCode)));
  return {
    pid: child.pid,
    write: (bytes) => void shown?.write(new Uint8Array(bytes)),
    resize: (width, height) => shown?.resize(width, height),
    signal: (name) => signalGroup(child.pid, name),
    close: () => shown?.close(),
  };
}

function signalGroup(pid: number, name: SignalWord): void {
  if (pid <= 1) return;
  try {
    process.kill(-pid, constants.signals[`SIG${name}`]);
  } catch (error) {
    // Nobody is left in the group: what was wanted holds already.
    if (systemCode(error) !== "ESRCH") throw error;
  }
}

export const realPrograms: Programs = { piped, terminal };
