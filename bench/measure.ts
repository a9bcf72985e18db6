// What processes cost, as the kernel counts it, and how repeated figures are put into one.
import { readdirSync, readFileSync } from "node:fs";

/** What the kernel counts CPU time in (USER_HZ). */
const TICK_MS = 10;

/** CPU time of these processes and of all that they started, ended ones too where their parent saw it; milliseconds. */
export function cpuMs(roots: readonly number[]): number {
  const all = processTable();
  let sum = 0;
  const pending = [...roots];
  for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
    const one = all.get(pid);
    if (one === undefined) continue;
    sum += one.cpuMs;
    for (const [child, { parent }] of all) if (parent === pid) pending.push(child);
  }
  return sum;
}

/** Resident memory, bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? 0) * 1024;
}

export interface Cost {
  tookMs: number;
  hubMs: number;
  agentMs: number;
}

/** Runs the work and says what both sides of a tunnel spent on it. */
export async function costOf<Result>(
  { hub, agent }: { hub: readonly number[]; agent: readonly number[] },
  work: () => Promise<Result>,
): Promise<{ result: Result; cost: Cost }> {
  const hubBefore = cpuMs(hub);
  const agentBefore = cpuMs(agent);
  const startMs = performance.now();
  const result = await work();
  const tookMs = performance.now() - startMs;
  return { result, cost: { tookMs, hubMs: cpuMs(hub) - hubBefore, agentMs: cpuMs(agent) - agentBefore } };
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which `share` of them are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

interface ProcessRow {
  parent: number;
  cpuMs: number;
}

function processTable(): Map<number, ProcessRow> {
  const table = new Map<number, ProcessRow>();
  for (const name of readdirSync("/proc")) {
    const row = /^\d+$/.test(name) ? readProcess(name) : undefined;
    if (row !== undefined) table.set(Number(name), row);
  }
  return table;
}

/** proc(5): the name in parentheses may hold blanks, so the fields are counted from behind it. */
function readProcess(pid: string): ProcessRow | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // User and system time, its own and that of its children that have ended and were waited for.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
  } catch {
    return undefined; // it ended meanwhile
  }
}
