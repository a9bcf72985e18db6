// `muster run -- COMMAND`: a program here or on a device, its outputs here, its exit code ours.

import { execResult, type SealedRequest } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { parseDuration } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { hearOrder, withOrders } from "../orders.ts";
import { stripControl } from "../plain-text.ts";
import type { OrderCalls, Output } from "../surroundings.ts";

export interface RunFlags {
  device?: string | undefined;
  cwd?: string | undefined;
  timeout?: string | undefined;
  /** False: a device that is away is not waited for. */
  queue: boolean;
}

const TIMEOUT = { name: "--timeout", min: "1s", max: "30d" } as const;
/** How long a person waits for a device that is away. */
const WAIT_MS = 30_000;
/** As shells have it: 128 and the signal's number. */
const SIGNAL_BASE = 128;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

export async function run(invocation: Invocation, words: string[], flags: RunFlags): Promise<number> {
  const { surroundings, json } = invocation;
  if (words.length === 0) {
    throw new MusterError("usage", "there is nothing to run", { hint: "muster run --device pi -- uptime" });
  }
  const cwd = flags.cwd ?? (flags.device === undefined ? surroundings.cwd : undefined);
  const request: SealedRequest<"exec"> = {
    argv: words,
    stdin: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(flags.timeout === undefined ? {} : { timeout_ms: parseDuration(flags.timeout, TIMEOUT) }),
  };
  return withOrders(invocation, async (orders) => {
    const body = await orders.run({
      ...(flags.device === undefined ? {} : { device: flags.device }),
      request,
      wait_ms: flags.queue ? WAIT_MS : 0,
    });
    let id = "";
    let device = "";
    let feeding: AsyncIterator<Uint8Array> | undefined;
    const cancel = (): void => void orders.tell(id, { type: "signal", name: "TERM" }).catch(() => {});
    invocation.interrupted.addEventListener("abort", cancel, { once: true });
    try {
      const result = execResult.parse(
        await hearOrder(invocation, body, {
          opened: (order) => (id = order),
          accepted(event) {
            device = event.device.name;
            feeding = surroundings.stdin.pieces()[Symbol.asyncIterator]();
            void feed(orders, id, feeding);
          },
          async output(from, bytes) {
            if (!json) await show(from === "output" ? surroundings.stdout : surroundings.stderr, bytes);
          },
        }),
      );
      if (json) printJson(invocation, { id, device, ...result });
      return exitCodeOf(result);
    } finally {
      invocation.interrupted.removeEventListener("abort", cancel);
      void feeding?.return?.();
    }
  });
}

async function feed(orders: OrderCalls, order: string, pieces: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
      await orders.input(order, piece.value);
    }
    await orders.tell(order, { type: "input_end" });
  } catch {
    // It ended without reading all of it; how it ended is told elsewhere.
  }
}

/** A pipe gets its bytes; a terminal nothing that would command it. */
async function show(output: Output, bytes: Uint8Array): Promise<void> {
  if (!output.isTerminal) return output.bytes(bytes);
  output.write(stripControl(new TextDecoder().decode(bytes)));
}

function exitCodeOf({ exit_code, signal }: { exit_code: number | null; signal: string | null }): number {
  if (exit_code !== null) return exit_code;
  return SIGNAL_BASE + (SIGNAL_NUMBERS[signal ?? ""] ?? 0);
}
