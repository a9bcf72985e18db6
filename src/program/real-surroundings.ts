// What the CLI touches outside itself, for real. The long-lived programs are loaded only when they are run.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Environment } from "./parts.ts";
import type { Background, RekeyResult, Surroundings } from "../cli/surroundings.ts";
import { realDisk } from "../world/disk.ts";
import { realClock, realTimers } from "../world/time.ts";
import { directFetch } from "./direct-fetch.ts";
import { printedTo, type Printed } from "./printed.ts";
import { SYSTEM_HOME, type Program } from "./service/layout.ts";
import { terminalInput } from "./terminal-input.ts";
import { selfCommand } from "./self-command.ts";
import { VERSION } from "./version.ts";

/** What was printed needs less to reach a reader that reads. */
const PARTING_MS = 100;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export interface RealSurroundings extends Surroundings {
  /** Once what was printed is with its reader, or lost: then false. */
  printed(): Promise<boolean>;
}

export function realSurroundings(environment: Environment = process.env): RealSurroundings {
  const interrupts = new Set<(signal: "SIGINT" | "SIGTERM") => void>();
  let heardBefore = false;
  const interrupted = (signal: "SIGINT" | "SIGTERM") => {
    for (const listener of interrupts) listener(signal);
    // All is done, and what was asked did happen: only a reader that does not read is not waited for.
    if (interrupts.size === 0) realTimers.after(PARTING_MS, () => process.exit(EXIT_CODES[signal]));
  };
  const signals: Record<string, () => void> = {
    SIGINT: () => interrupted("SIGINT"),
    SIGTERM: () => interrupted("SIGTERM"),
    // The terminal was closed. Whoever started this with nohup wants it to go on.
    ...(hangUpIgnored() ? {} : { SIGHUP: () => interrupted("SIGTERM") }),
  };
  const stdout = printedTo(process.stdout);
  const stderr = printedTo(process.stderr);
  return {
    version: VERSION,
    environment,
    cwd: process.cwd(),
    systemHome: systemHome(),
    stdin: terminalInput(() => interrupted("SIGINT")),
    stdout: output(process.stdout, stdout),
    stderr: output(process.stderr, stderr),
    async printed() {
      const [out] = await Promise.all([stdout.settled(), stderr.settled()]);
      return out;
    },
    disk: realDisk,
    clock: realClock,
    timers: realTimers,
    fetch: (environment["MUSTER_LOG"] ?? "") === "" ? directFetch : loggedFetch(environment),
    onInterrupt(listener) {
      if (!heardBefore) for (const [name, heard] of Object.entries(signals)) process.on(name, heard);
      heardBefore = true;
      interrupts.add(listener);
      return () => void interrupts.delete(listener);
    },
    onResize(listener) {
      process.on("SIGWINCH", listener);
      return () => void process.off("SIGWINCH", listener);
    },
    async openBrowser(file) {
      return (await import("./open-browser.ts")).openBrowser(file, environment);
    },
    processAlive,
    endProcess,
    async homeHolder(home) {
      return (await import("./hold-home.ts")).homeHolder(home);
    },
    stringWidth: (text) => Bun.stringWidth(text),
    spawnSelf,
    async runStart(options) {
      await (await import("./run-start.ts")).runStart(options, environment);
    },
    async runHub(options) {
      await (await import("./run-hub.ts")).runHub(options, environment);
    },
    async runAgent(options) {
      await (await import("./run-agent.ts")).runAgent(options, environment);
    },
    async join(options) {
      const { openHome } = await import("./parts.ts");
      const { joinHub } = await import("./join.ts");
      return joinHub(await openHome(options.home, environment), options, environment);
    },
    async claimShare(options) {
      const { openHome } = await import("./parts.ts");
      const { claimShare } = await import("./claim-share.ts");
      return claimShare(await openHome(options.home, environment), options, environment);
    },
    async openGuest(options) {
      return (await import("./guest.ts")).openGuest(options, environment);
    },
    async rekey(options) {
      const { openHome } = await import("./parts.ts");
      const { rekey } = await import("./rekey.ts");
      const { holdingHome } = await import("./hold-home.ts");
      let result: RekeyResult | undefined;
      await holdingHome(options.home, "agent", async () => {
        result = await rekey(await openHome(options.home, environment), options, environment);
      });
      if (result === undefined) throw new Error("a held home ran nothing");
      return result;
    },
    async readConfig({ home, config }) {
      const { loadConfig } = await import("./config/load-config.ts");
      const { configView } = await import("./config/config-view.ts");
      return configView(await loadConfig({ home, config, environment }));
    },
    async exampleConfig() {
      return (await import("./config/example-config.ts")).exampleConfig();
    },
    async openService(home) {
      const { openService } = await import("./service/open-service.ts");
      const { realHost } = await import("./service/real-host.ts");
      return openService(realHost(environment, ownProgram()), home);
    },
    async deviceAnswers(address) {
      return (await import("./device-answers.ts")).deviceAnswers(address, environment);
    },
    async pathProbe() {
      return (await import("./path-probe.ts")).openPathProbe(environment);
    },
    async settle(options) {
      const { loadConfig } = await import("./config/load-config.ts");
      const { path } = await loadConfig({ home: options.home, environment });
      const root = process.getuid?.() === 0;
      return (await import("./settle.ts")).settle({ disk: realDisk, root, config: path }, options);
    },
    verbose: () => realSurroundings({ ...environment, MUSTER_LOG: "debug" }),
    async releaseOffer(options) {
      return (await import("./upgrade/run-upgrade.ts")).releaseOffer(options, process.env);
    },
    async wipe(home) {
      const { homePaths } = await import("./home-paths.ts");
      await (await import("./wipe-home.ts")).wipeHome(realDisk, homePaths(home));
    },
    async attach(home) {
      return (await import("./attach.ts")).attach(home, environment);
    },
  };
}

function output(stream: NodeJS.WriteStream, printed: Printed): Surroundings["stdout"] {
  return {
    write: printed.write,
    async bytes(bytes) {
      if (printed.isGone || stream.write(bytes)) return;
      // A reader that has gone takes nothing, and nobody waits for it.
      const events = ["drain", "error", "close"] as const;
      let settle = (): void => {};
      await new Promise<void>((resolve) => {
        settle = resolve;
        for (const event of events) stream.on(event, settle);
      });
      for (const event of events) stream.off(event, settle);
    },
    get isGone() {
      return printed.isGone;
    },
    get rows() {
      return stream.isTTY ? stream.rows : undefined;
    },
    get isTerminal() {
      return stream.isTTY;
    },
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
  };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (processAlive(pid)) throw error;
  }
}

/** Where that can be seen. A listener of our own would undo it. */
function hangUpIgnored(): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return ignored !== undefined && (BigInt(`0x${ignored}`) & 1n) === 1n;
  } catch {
    return false; // no /proc here
  }
}

function processAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** What goes to the agent and the hub, for who wants to see it. Neither bodies nor tokens are told. */
function loggedFetch(environment: Environment): Surroundings["fetch"] {
  return async (url, init) => {
    const { programLog } = await import("./parts.ts");
    const log = programLog(environment).part("cli");
    const { pathname, origin } = new URL(url);
    const asked = { method: init?.method ?? "GET", at: origin, path: pathname };
    const began = realClock.monotonic();
    const tookMs = () => Math.round(realClock.monotonic() - began);
    try {
      const response = await directFetch(url, init);
      log.debug("asked", { ...asked, status: response.status, took_ms: tookMs() });
      return response;
    } catch (error) {
      log.debug("asked in vain", { ...asked, took_ms: tookMs(), error });
      throw error;
    }
  };
}

function systemHome(): Surroundings["systemHome"] {
  if (process.getuid?.() !== 0) return undefined;
  return { path: SYSTEM_HOME, used: existsSync(join(SYSTEM_HOME, "hub.json")) };
}

/** What a service or a person calls this program by. */
function ownProgram(): Program {
  return isCompiled()
    ? { kind: "compiled", path: process.execPath }
    : { kind: "checkout", path: resolve(import.meta.dirname, "..", "..", "bin", "muster") };
}

function isCompiled(): boolean {
  return import.meta.dirname.startsWith("/$bunfs") || import.meta.dirname.startsWith("B:\\~BUN");
}

function spawnSelf(
  args: readonly string[],
  { logFile, environment = {} }: { logFile: string; environment?: Record<string, string> },
): Background {
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
  const log = openSync(logFile, "a", 0o600);
  const [program = process.execPath, ...first] = selfCommand();
  const child = spawn(program, [...first, ...args], {
    // Its own folder may be removed while it runs.
    cwd: dirname(join(logFile, "..")),
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...environment },
  });
  closeSync(log);
  child.unref();
  const exited = new Promise<number | null>((done) => {
    child.on("exit", (code) => done(code));
    child.on("error", () => done(127));
  });
  return { pid: child.pid ?? 0, exited, stop: () => void child.kill("SIGTERM") };
}
