// Programs of the system that are run to their end: what they wrote, bounded in length and time.
import { spawn } from "node:child_process";

export interface CommandResult {
  /** 127 when there is no such program, 128 when a signal or the time limit ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** Added to this program's own environment. */
  environment?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

const OUTPUT_MAX_CHARACTERS = 256 * 1024;
const TIMEOUT_MS = 60_000;

export function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { environment = {}, timeoutMs = TIMEOUT_MS } = options;
  const [program = "", ...rest] = command;
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
      timeout: timeoutMs,
    });
    const result: CommandResult = { code: 128, stdout: "", stderr: "" };
    const keep = (stream: "stdout" | "stderr") => (text: string) => {
      result[stream] = (result[stream] + text).slice(0, OUTPUT_MAX_CHARACTERS);
    };
    child.stdout.setEncoding("utf8").on("data", keep("stdout"));
    child.stderr.setEncoding("utf8").on("data", keep("stderr"));
    child.on("error", (error) => resolve({ ...result, code: 127, stderr: error.message }));
    child.on("close", (code) => resolve({ ...result, code: code ?? 128 }));
  });
}

/** Its output as it comes, until it ends or `signal` ends it. Resolves with its exit code. */
export function streamCommand(
  command: readonly string[],
  options: { environment?: Readonly<Record<string, string>>; write(text: string): void; signal: AbortSignal },
): Promise<number> {
  const [program = "", ...rest] = command;
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.environment },
    });
    const end = () => void child.kill("SIGTERM");
    options.signal.addEventListener("abort", end, { once: true });
    child.stdout.setEncoding("utf8").on("data", options.write);
    child.stderr.setEncoding("utf8").on("data", options.write);
    const ended = (code: number) => {
      options.signal.removeEventListener("abort", end);
      resolve(code);
    };
    child.on("error", () => ended(127));
    child.on("close", (code) => ended(code ?? 128));
  });
}
