// `muster task show`, `logs`, `cancel` and `rm`: one task, wherever it lives.

import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError, type ErrorCode } from "../../protocol/errors.ts";
import type { TaskView } from "../../protocol/tasks.ts";
import { shortDuration } from "../durations.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { plainLine, plainValue, stripControl } from "../plain-text.ts";
import { shownOn } from "../show-output.ts";
import { tableLines, type Cell } from "../table.ts";
import { askAboutTasks } from "../task-calls.ts";
import { jsonLog } from "../task-log-json.ts";
import { taskState } from "../task-text.ts";

interface OneFlags {
  device?: string | undefined;
  json?: true | undefined;
}

export async function taskShow(invocation: Invocation, task: string, flags: OneFlags): Promise<void> {
  const { task: view } = await askAboutTasks(invocation, (tasks) => tasks.task_show(named(task, flags)));
  if (flags.json === true) return printJson(invocation, view);
  const { out } = invocation;
  for (const line of tableLines(out, facts(view), { wide: true })) out.line(line);
  if (view.logs === "") return;
  out.line("");
  if (view.logs_truncated) out.line(out.style("dim", `… the last of ${view.logs_bytes} bytes`));
  out.write(stripControl(view.logs).replace(/\n?$/, "\n"));
}

export async function taskLogs(
  invocation: Invocation,
  task: string,
  flags: OneFlags & { follow?: true | undefined },
): Promise<void> {
  const { surroundings } = invocation;
  const wait = flags.follow === true;
  const json = invocation.json ? jsonLog(invocation, { follow: wait }) : undefined;
  const shown = json ?? { stdout: shownOn(surroundings.stdout), stderr: shownOn(surroundings.stderr) };
  await askAboutTasks(invocation, async (tasks) => {
    // Whoever follows has seen where it is: a device or a hub that goes away is waited for.
    const place = wait ? (await tasks.task_show(named(task, flags))).task.device_id : flags.device;
    for (let from = 0, first = true; ; first = false) {
      invocation.interrupted.throwIfAborted();
      const request = { ...named(task, { device: place }), from, wait, limit: PAGE_BYTES };
      const ask = () => tasks.task_logs(request);
      const page = await (wait ? untilThere(invocation, ask) : ask());
      const firstByte = page.next - bytesIn(page.pieces);
      const missed = firstByte - from;
      if (missed > 0) json?.missed(missed);
      if (missed > 0) warn(invocation, `${missed} bytes ${first ? "before are" : "between were"} not kept`);
      for (const piece of page.pieces) {
        await shown[piece.from](decoded(piece.bytes));
        if (surroundings.stdout.isGone === true) return;
      }
      from = page.next;
      if (page.ended || (!wait && page.pieces.length === 0)) return json?.end();
      // One that waits for its device is answered for at once.
      if (page.pieces.length === 0) await pause(invocation, REST_MS);
    }
  });
}

async function untilThere<Answer>(invocation: Invocation, ask: () => Promise<Answer>): Promise<Answer> {
  for (let isTold = false; ; isTold = true) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof MusterError) || !PASSING.has(error.code)) throw error;
      if (!isTold) warn(invocation, `${plainLine(error.message)}; it is asked again until it answers`);
    }
    await pause(invocation, AGAIN_EVERY_MS);
    invocation.interrupted.throwIfAborted();
  }
}

function pause({ surroundings }: Invocation, ms: number): Promise<void> {
  return new Promise((resolve) => surroundings.timers.after(ms, resolve));
}

export async function taskCancel(invocation: Invocation, task: string, flags: OneFlags): Promise<void> {
  const { task: view } = await askAboutTasks(invocation, (tasks) => tasks.task_cancel(named(task, flags)));
  if (flags.json === true) return printJson(invocation, view);
  const { id, device } = plainValue(view);
  const { text } = taskState(view);
  invocation.out.line(`Task ${id} on ${device}: ${plainLine(text)}.`);
}

export async function taskRemove(invocation: Invocation, task: string, flags: OneFlags): Promise<void> {
  const removed = await askAboutTasks(invocation, (tasks) => tasks.task_remove(named(task, flags)));
  if (flags.json === true) return printJson(invocation, removed);
  invocation.out.line(`Task ${plainLine(removed.id)} on ${plainLine(removed.device)} is forgotten.`);
}

const PAGE_BYTES = 128 * 1024;
const AGAIN_EVERY_MS = 1000;
const REST_MS = 200;
/** What passes by itself. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "device_offline",
  "hub_unreachable",
  "session_cut",
  "unavailable",
  "too_many",
]);

function named(task: string, { device }: OneFlags): { task: string; device?: string } {
  return { task, ...(device === undefined ? {} : { device }) };
}

function facts(view: TaskView): Cell[][] {
  const shown = plainValue({ ...view, logs: "" });
  const row = (name: string, text: string | null): Cell[][] =>
    text === null || text === "" ? [] : [[{ text: name, style: "dim" }, { text }]];
  const began = shown.started_at === null ? null : Date.parse(shown.started_at);
  const ended = shown.ended_at === null ? null : Date.parse(shown.ended_at);
  const took =
    began === null || ended === null
      ? null
      : ended - began < 1000
        ? "less than 1 s"
        : shortDuration(ended - began);
  return [
    ...row("Task", shown.id),
    ...row("Title", shown.title),
    ...row("Device", shown.device),
    ...row("State", taskState(shown).text),
    ...row("Exit code", shown.exit_code === null ? null : String(shown.exit_code)),
    ...row("Signal", shown.signal),
    ...row("Made", shown.created_at),
    ...row("Started", shown.started_at),
    ...row("Ended", shown.ended_at),
    ...row("Took", took),
    ...row("Note", shown.description),
  ];
}

function bytesIn(pieces: readonly { bytes: string }[]): number {
  return pieces.reduce((sum, { bytes }) => sum + decoded(bytes).length, 0);
}

function decoded(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes !== undefined) return bytes;
  throw new MusterError("protocol_error", "the log of a task can't be read");
}
