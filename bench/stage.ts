// Where a bench run takes place: a temporary folder, ports of loopback, and the processes it started. When it
// is left, every process of it has ended and the folder is gone.
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface Started {
  readonly pid: number;
  /** Lines of its standard output, as they come. */
  lines(): AsyncGenerator<string>;
  /** Ends it and all that it started; resolves once it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

export interface StartOptions {
  env?: Record<string, string>;
}

const REACHABLE_WITHIN_MS = 10_000;
const ENDS_WITHIN_MS = 3_000;
/** Below the range from which the kernel takes ports for outgoing connections: those could be taken any time. */
const PORT_FIRST = 20_000;
const PORT_LAST = 32_000;

export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), "muster-bench-"));
  readonly #started = new Set<Started>();
  readonly #ends: (() => void)[] = [];
  #files = 0;
  #isLeft = false;

  /** A file of this stage, readable by this user alone. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  makeFolder(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Starts a program that runs on. What it complains of goes to a file of the stage. */
  start(command: string[], options: StartOptions = {}): Started {
    // By a row that was given up and goes on all the same.
    if (this.#isLeft) throw new Error("this stage was left");
    this.#files += 1;
    const complaints = join(this.folder, `${this.#files}.stderr`);
    const [name = "", ...words] = command;
    const child = Bun.spawn([pathOf(name) ?? name, ...words], {
      cwd: this.folder,
      env: { ...process.env, ...options.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: Bun.file(complaints),
      detached: true,
    });
    const started: Started = {
      pid: child.pid,
      lines: () => linesOf(child.stdout, () => `${command.join(" ")}: ${readFileSync(complaints, "utf8")}`),
      end: async (signal = "SIGTERM") => {
        this.#started.delete(started);
        signalGroup(child.pid, signal);
        const patience = setTimeout(() => signalGroup(child.pid, "SIGKILL"), ENDS_WITHIN_MS);
        await child.exited;
        clearTimeout(patience);
      },
    };
    this.#started.add(started);
    return started;
  }

  /** Runs a program to its end. Throws with what it said when it fails. */
  async run(command: string[], options: StartOptions = {}): Promise<string> {
    return (await this.runCounted(command, options)).said;
  }

  /** The same, with the CPU time of it and of all that it started and waited for. */
  async runCounted(command: string[], options: StartOptions = {}): Promise<{ said: string; cpuMs: number }> {
    const child = Bun.spawn(command, {
      cwd: this.folder,
      env: { ...process.env, ...options.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [said, complained] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed: ${complained || said}`);
    return { said, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e3 };
  }

  /** Called when everything has ended. */
  atEnd(end: () => void): void {
    this.#ends.push(end);
  }

  /** Ends whatever still runs, by force: for a bench that is interrupted. */
  abandon(): void {
    for (const { pid } of this.#started) signalGroup(pid, "SIGKILL");
    this.#tidy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLeft = true;
    await Promise.all([...this.#started].map((one) => one.end()));
    this.#tidy();
  }

  #tidy(): void {
    for (const end of this.#ends) end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORT_FIRST + Math.floor(Math.random() * (PORT_LAST - PORT_FIRST));
    if (await mayListen(port)) return port;
  }
}

/** Resolves once something accepts connections there. */
export async function reachable(port: number, host = "127.0.0.1"): Promise<void> {
  const until = performance.now() + REACHABLE_WITHIN_MS;
  while (!(await accepts(port, host))) {
    if (performance.now() > until) throw new Error(`nothing listens on port ${port}`);
    await Bun.sleep(20);
  }
}

export function onPath(program: string): boolean {
  return pathOf(program) !== undefined;
}

/** sshd insists on being called by its whole path. */
export function pathOf(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** The next line that is a JSON object. */
export async function nextObject(lines: AsyncGenerator<string>): Promise<Record<string, unknown>> {
  for (;;) {
    const next = await lines.next();
    if (next.done === true) throw new Error("the program ended without a word");
    if (next.value.startsWith("{")) return JSON.parse(next.value) as Record<string, unknown>; // an object, as it begins
  }
}

async function* linesOf(
  output: ReadableStream<Uint8Array>,
  complaint: () => string,
): AsyncGenerator<string, never> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const piece of output) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  throw new Error(`ended early: ${complaint()}`);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended already.
  }
}

function mayListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
