// A large file on its way, as `muster send` shows it: until it is there, or waits for a device that is away. Ctrl-C
// takes it back, as every copying program does; --detach leaves it to the agent.

import { MusterError } from "../../protocol/errors.ts";
import { errorOf } from "../../protocol/command-messages.ts";
import type { FileSendView } from "../../protocol/local-peers.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import type { PeerCalls } from "../peer-calls.ts";
import { plainLine } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { percent, Rate, size, timeLeft } from "../sizes.ts";
import { tableLines } from "../table.ts";
import { pause } from "../wait.ts";

export interface FileFlags {
  wait?: true | undefined;
  detach?: true | undefined;
}

const LOOK_EVERY_MS = 200;
/** Of an id, which is enough to find it by. */
const SHOWN_ID = 8;
/** One that does not go within this waits for its device. */
const AWAY_AFTER_MS = 5_000;
/** Of the plain lines: one for each. */
const STEPS = 10;

/** `first` is what the agent said when it took the file. */
export async function followFile(
  invocation: Invocation,
  agent: PeerCalls,
  first: FileSendView,
  flags: FileFlags,
): Promise<void> {
  if (flags.detach === true) return report(invocation, first, undefined);
  const { clock } = invocation.surroundings;
  const startedAt = clock.monotonic();
  try {
    const last = await watch(invocation, agent, first, flags);
    report(invocation, last, clock.monotonic() - startedAt);
  } catch (thrown) {
    if (invocation.interrupted.aborted) await takeBack(invocation, first);
    throw thrown;
  }
}

export async function cancelFile(invocation: Invocation, id: string): Promise<void> {
  const agent = await requireAgent(invocation);
  const send = await agent.call("file_cancel", { id });
  if (send.state !== "cancelled") {
    throw new MusterError(
      "conflict",
      `"${plainLine(send.name)}" is not on its way any more: it is ${send.state}`,
    );
  }
  if (invocation.json) return printJson(invocation, shown(send));
  invocation.out.line(`Taken back: ${plainLine(send.name)} is not sent to ${plainLine(send.to)}`);
}

export async function listFiles(invocation: Invocation): Promise<void> {
  const agent = await requireAgent(invocation);
  const { items } = await agent.call("file_sends", {});
  if (invocation.json) return printJson(invocation, { items: items.map(shown) });
  const { out } = invocation;
  if (items.length === 0) return out.line("No large file is on its way or went lately.");
  const rows = items.map((item) => [
    { text: item.id.slice(0, SHOWN_ID), style: "dim" as const },
    { text: item.name, style: "bold" as const },
    { text: size(item.size) },
    { text: item.to },
    { text: standing(item), short: item.state },
  ]);
  const headings = ["ID", "FILE", "SIZE", "TO", "STATE"];
  for (const line of tableLines(out, rows, { headings, shorten: [4] })) out.line(line);
}

async function watch(
  invocation: Invocation,
  agent: PeerCalls,
  first: FileSendView,
  { wait }: FileFlags,
): Promise<FileSendView> {
  const { clock } = invocation.surroundings;
  const progress = startProgress(invocation, `sending ${label(first)}`);
  const rate = new Rate();
  let waitsSince = clock.monotonic();
  try {
    for (let send = first; ;) {
      if (send.state !== "queued" && send.state !== "sending") return send;
      const now = clock.monotonic();
      if (send.state === "sending") waitsSince = now;
      if (wait !== true && now - waitsSince >= AWAY_AFTER_MS) return send;
      progress.phase(phase(invocation, send, rate.add(now, send.bytes)));
      await pause(invocation, LOOK_EVERY_MS);
      send = await agent.call("file_send", { id: first.id }).catch((error: unknown) => {
        throw stillKept(error, first);
      });
    }
  } finally {
    progress.end();
  }
}

/** Whoever sees the agent end would send the file a second time. */
function stillKept(error: unknown, { name }: FileSendView): unknown {
  if (!(error instanceof MusterError) || error.code !== "agent_not_running") return error;
  return new MusterError(error.code, `the agent ended while "${plainLine(name)}" was on its way`, {
    hint: "the file goes on by itself when the agent runs again: muster start; see it: muster send --list",
    cause: error,
  });
}

function phase({ err }: Invocation, send: FileSendView, bytesPerSecond: number | undefined): string {
  if (send.state === "queued") {
    return send.waits === undefined
      ? `sending ${label(send)}`
      : `waiting to send ${label(send)}: ${send.waits}`;
  }
  if (!err.interactive) {
    const step = Math.floor((STEPS * send.bytes) / send.size) / STEPS;
    return `sending ${label(send)}: ${percent(step, 1)}`;
  }
  const speed =
    bytesPerSecond === undefined || bytesPerSecond === 0
      ? ""
      : `, ${size(bytesPerSecond)}/s, ${timeLeft((send.size - send.bytes) / bytesPerSecond)} left`;
  return `${percent(send.bytes, send.size)}${speed}: ${label(send)}`;
}

function report(invocation: Invocation, send: FileSendView, tookMs: number | undefined): void {
  if (send.state === "failed" || send.state === "cancelled") throw refusal(send);
  if (invocation.json) return printJson(invocation, shown(send));
  const { out } = invocation;
  if (send.state === "delivered") {
    const seconds = (tookMs ?? 0) / 1000;
    const speed = seconds >= 1 ? ` in ${timeLeft(seconds)}, ${size(send.size / seconds)}/s` : "";
    out.line(`Delivered to ${plainLine(send.to)}: ${plainLine(send.name)} (${size(send.size)})${speed}`);
    return;
  }
  out.line(`Queued here, and goes by itself: ${label(send)}`);
  if (send.waits !== undefined) out.line(`  Now: ${send.waits}`);
  out.line(out.style("dim", "  Leave the file as it is until then. To take it back:"));
  out.line(out.style("dim", `  muster send --cancel ${send.id.slice(0, SHOWN_ID)}`));
}

/** The interrupt has ended this run's own calls. */
async function takeBack(invocation: Invocation, send: FileSendView): Promise<void> {
  const parting = { ...invocation, interrupted: new AbortController().signal };
  const agent = await requireAgent(parting).catch(() => undefined); // it will go on by itself, then
  const last = await agent?.call("file_cancel", { id: send.id }).catch(() => undefined);
  const word =
    last?.state === "cancelled"
      ? `taken back: ${plainLine(send.name)} is not sent`
      : last?.state === "delivered"
        ? `too late: ${plainLine(send.name)} is there already`
        : `it could not be taken back; see: muster send --list`;
  invocation.err.line(`muster: ${word}`);
}

function refusal(send: FileSendView): MusterError {
  if (send.problem !== undefined) {
    const { code, message, hint } = errorOf(send.problem);
    const told = `cannot send "${send.name}" to ${send.to}: ${message}`;
    return new MusterError(code, plainLine(told), hint === undefined ? {} : { hint: plainLine(hint) });
  }
  return new MusterError("conflict", `"${plainLine(send.name)}" was taken back before it was there`);
}

function standing(send: FileSendView): string {
  if (send.problem !== undefined) return `failed: ${send.problem.message}`;
  if (send.state === "sending") return `sending, ${percent(send.bytes, send.size)}`;
  return send.waits === undefined ? send.state : `${send.state}: ${send.waits}`;
}

function label({ name, to, size: bytes }: FileSendView): string {
  return `${plainLine(name)} (${size(bytes)}) to ${plainLine(to)}`;
}

function shown(send: FileSendView): object {
  const { id, state, to, name, bytes, sha256, problem, waits } = send;
  return { id, state, to, name, size: send.size, bytes, sha256, problem, waits };
}
