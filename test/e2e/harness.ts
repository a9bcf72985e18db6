// The real program in temporary homes. Every process of a test carries the mark of its home in its
// environment, whoever started it, so that all of them can be found and ended even when the test failed.
import { afterAll } from "bun:test";
import { spawn, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { until, within } from "./until.ts";

/** The program under test: this checkout's, or any other. */
export const PROGRAM = process.env["MUSTER_BINARY"] ?? resolve(import.meta.dir, "..", "..", "bin", "muster");

const RUN_TIMEOUT_MS = 45_000;
const MARK = "TEST_HOME_MARK";

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
  /** The one object on standard output, with --json. */
  json: Json;
  /** `{code, message, hint}` of what --json says on standard error. */
  error: { code: string; message: string; hint?: string } | undefined;
  ms: number;
}

// What a test reads out of JSON is checked by its expectations.
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  input?: string;
  program?: readonly string[];
}

export interface StartFacts {
  hub_url: string;
  login_url: string | null;
  device_id: string;
  device_name: string;
  pid: number;
}

export interface Added {
  id: string;
  name: string;
  kind: string;
  url: string;
  access: string;
  password?: string;
  warnings: string[];
}

/** What a test that failed has left; the next file is not to meet it. Pictures are taken outside of a test. */
const open = new Set<Home>();
if (process.env["NODE_ENV"] === "test") {
  afterAll(async () => {
    for (const home of open) await home[Symbol.asyncDispose]();
  });
}

/** One home, which is one device, and everything that runs in it. */
export class Home implements AsyncDisposable {
  readonly folder: string;
  /** MUSTER_HOME. */
  readonly path: string;
  readonly #program: readonly string[];

  constructor(program: readonly string[] = [PROGRAM]) {
    this.folder = mkdtempSync(join(tmpdir(), "muster-e2e-"));
    this.path = join(this.folder, "home");
    this.#program = program;
    open.add(this);
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const began = performance.now();
    const program = this.spawn(args, options);
    program.process.stdin?.end(options.input ?? "");
    const code = await within(RUN_TIMEOUT_MS, `muster ${args.join(" ")}`, program.exited);
    const { stdout, stderr } = program;
    const json = tryJson(stdout);
    // A program that runs on logs there too; its error is the last it says.
    const last = stderr.trimEnd().split("\n").at(-1) ?? "";
    return { code, stdout, stderr, json, error: tryJson(last)?.error, ms: performance.now() - began };
  }

  /** Runs it and expects that what was asked happened. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<Json> {
    const result = await this.run([...args, "--json"], options);
    if (result.code !== 0 || result.json === undefined) {
      throw new Error(
        `muster ${args.join(" ")} exited ${result.code}: ${JSON.stringify(result.stdout)} ${result.stderr}`,
      );
    }
    return result.json;
  }

  /** Runs it and expects an error, which is returned with the exit code. */
  async refused(
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<NonNullable<Result["error"]> & { exit: number }> {
    const { code, stdout, stderr, error } = await this.run([...args, "--json"], options);
    if (code === 0 || error === undefined)
      throw new Error(`muster ${args.join(" ")} exited ${code}: ${stdout}${stderr}`);
    return { ...error, exit: code };
  }

  /** The program in a process group of its own, and what it has written so far. */
  spawn(
    args: readonly string[],
    { env = {}, cwd = this.folder, program = this.#program }: RunOptions = {},
  ): Running {
    const [command = "", ...first] = program;
    return new Running(
      spawn(command, [...first, ...args], {
        cwd,
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...plainEnvironment(), MUSTER_HOME: this.path, [MARK]: this.folder, ...env },
      }),
    );
  }

  async start(...args: string[]): Promise<StartFacts> {
    return (await this.ok(["start", "--port", "0", ...args])) as StartFacts;
  }

  async add(...args: string[]): Promise<Added> {
    return (await this.ok(["add", ...args])) as Added;
  }

  /** Every process that belongs to this home, apps included. */
  processes(): number[] {
    return processesWith(`${MARK}=${this.folder}`);
  }

  /** The process of the agent, as its home says. */
  agentPid(): number {
    return (JSON.parse(readFileSync(join(this.path, "agent.json"), "utf8")) as { pid: number }).pid;
  }

  write(path: string, content: string | Uint8Array): string {
    const file = join(this.folder, path);
    mkdirSync(resolve(file, ".."), { recursive: true });
    // A test's own files need no care.
    void Bun.write(file, content);
    return file;
  }

  /** Writes `muster.toml` where there is none. */
  configure(toml: string): void {
    const file = join(this.path, "muster.toml");
    if (existsSync(file)) return;
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    writeFileSync(file, toml, { mode: 0o600 });
  }

  /** Ends everything that runs here, apps included. */
  async end(): Promise<void> {
    // A process that is just being started shows up in a second look.
    await until(`an end of all that ran in ${this.folder}`, () => {
      const alive = this.processes();
      for (const pid of alive) signal(pid, "SIGKILL");
      return alive.length === 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
    open.delete(this);
  }
}

/** A program that runs on: its output so far, and its end. */
export class Running {
  readonly process: ChildProcess;
  readonly exited: Promise<number>;
  stdout = "";
  stderr = "";

  constructor(process: ChildProcess) {
    this.process = process;
    process.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    process.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    process.stdin?.on("error", () => {}); // it may end without reading
    this.exited = new Promise((done) => {
      process.on("close", (code, signal) => done(code ?? (signal === "SIGKILL" ? 137 : 128)));
      process.on("error", () => done(127));
    });
  }

  /** Its first line, which with --json is one object. */
  async firstLine(): Promise<string> {
    const line = await until(
      "the first line",
      () => {
        if (this.process.exitCode !== null) throw new Error(`it ended: ${this.stdout}${this.stderr}`);
        return this.stdout.includes("\n") && this.stdout.slice(0, this.stdout.indexOf("\n"));
      },
      30_000,
    );
    return line;
  }

  async firstJson(): Promise<Json> {
    return JSON.parse(await this.firstLine());
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  /** kill -9, and gone when it resolves. */
  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.exited;
  }
}

/** Every test comes from one address: the usual ten sign-ins and claims a minute are for people. */
const MANY_ENTRIES = "[limits]\nentries_per_minute = 1000\n";

/** A hub in a home of its own, in the foreground. */
export async function hubIn(
  home: Home,
  port = 0,
): Promise<{ hub: Running; hub_url: string; login_url: string | null }> {
  home.configure(MANY_ENTRIES);
  const hub = home.spawn(["hub", "--json", "--host", "127.0.0.1", "--port", String(port)]);
  return { hub, ...((await hub.firstJson()) as { hub_url: string; login_url: string | null }) };
}

export interface HubWithDevice {
  owner: Home;
  device: Home;
  hub: Running;
  agent: Running;
  hubUrl: string;
  port: number;
}

/** A hub and a device that joined it, each in a home of its own. */
export async function hubWithDevice(name?: string): Promise<HubWithDevice> {
  const owner = new Home();
  const device = new Home();
  try {
    const { hub, hub_url: hubUrl } = await hubIn(owner);
    const agent = await agentIn(device, { owner, hubUrl, ...(name === undefined ? {} : { name }) });
    return { owner, device, hub, agent, hubUrl, port: portOf(hubUrl) };
  } catch (error) {
    await device[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
    throw error;
  }
}

/** A second device of a fleet: joined by a token and running. */
export async function agentIn(
  home: Home,
  { owner, hubUrl, name }: { owner: Home; hubUrl: string; name?: string },
): Promise<Running> {
  const { token } = await owner.ok(["device", "token"]);
  const named = name === undefined ? [] : ["--name", name];
  await home.ok(["init", hubUrl, "--token", token, "--yes", "--no-service", ...named]);
  return agent(home);
}

export async function agent(home: Home): Promise<Running> {
  const running = home.spawn(["agent", "--json"]);
  await running.firstJson();
  await until("its session with the hub", async () => (await home.ok(["status"])).hub.state === "connected");
  return running;
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // gone by itself
  }
}

/** Resident memory in bytes. */
export function memoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

function processesWith(variable: string): number[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        // A zombie has no environment left.
        return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(variable);
      } catch {
        return false; // gone, or not ours
      }
    });
}

/** Nothing of the surroundings may decide how a test ends. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(MUSTER_|PORT$|NO_COLOR$|HTTPS?_PROXY$)/i.test(name),
  );
  return Object.fromEntries(kept);
}

function tryJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // it was none, which the test sees
  }
}
