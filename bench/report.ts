// The report: what it was measured on, every table, and every bar with how far it is.
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { isDisturbed, type Disturbance } from "./disturbance.ts";
import { onPath, pathOf } from "./stage.ts";
import type { Bar, Table } from "./table.ts";

export interface Facts {
  quick: boolean;
  /** Peers that could not be started, each with the reason. */
  missing: readonly string[];
  loadBefore: number;
  disturbance: Disturbance;
}

export function report(tables: readonly Table[], { quick, missing, loadBefore, disturbance }: Facts): string {
  const bars = tables.flatMap((table) => table.bars);
  const reached = bars.filter((bar) => bar.reached).length;
  return `# Measured

${quick ? "A quick run: short loads, one round. Good for a look, not for a claim.\n\n" : ""}${disturbed(disturbance)}${machine(loadBefore, disturbance)}
Everything ran side by side on loopback, one contender after the other in turns, after a warm-up; a figure is
the median of the rounds, with the least and the most in parentheses. CPU time is what the kernel counted for the
processes of each side. Of a tunnel, the hub is the visitors' side and the agent the app's; of two nginx, the first
and the second. Muster has TLS between agent and hub in every row; where visitors have TLS too, the row says so.

${missing.map((line) => `- ${line}\n`).join("")}
**${reached} of ${bars.length} bars reached.**

${tables.map(section).join("\n")}`;
}

function section({ title, columns, rows, bars, notes }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const head = line(columns) + line(columns.map((_, at) => (at === 0 ? "---" : "--:")));
  const parts = [`## ${title}\n`, head + rows.map(line).join(""), ...notes.map((note) => `${note}\n`)];
  if (bars.length > 0) parts.push(bars.map(barLine).join(""));
  return parts.join("\n");
}

function barLine({ wanted, got, reached }: Bar): string {
  return `- ${reached ? "reached" : "**missed**"}: ${wanted}; measured ${got}\n`;
}

function disturbed(disturbance: Disturbance): string {
  if (!isDisturbed(disturbance)) return "";
  return `**Disturbed: others had ${percent(disturbance.othersShare)} of the processors while this ran, and ${percent(
    disturbance.stolenShare,
  )} were taken from underneath. These figures are of the moment, not of the programs.**\n\n`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function machine(loadBefore: number, { othersShare, stolenShare }: Disturbance): string {
  const all = cpus();
  const distribution = /^PRETTY_NAME="?([^"\n]*)/m.exec(textOf("/etc/os-release"))?.[1] ?? "unknown system";
  const rows = [
    ["date", new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC"],
    ["processor", `${all[0]?.model ?? "unknown"}, ${all.length} cores`],
    ["memory", `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ["system", `${distribution}, Linux ${release()}`],
    ["runtime", `Bun ${Bun.version}`],
    ["load before and after", `${loadBefore.toFixed(1)}, ${(loadavg()[0] ?? 0).toFixed(1)}`],
    ["others meanwhile", `${percent(othersShare)} of the processors; ${percent(stolenShare)} stolen`],
    ["peers", versions()],
  ];
  return `| | |\n| --- | --- |\n${rows.map(([name, value]) => `| ${name} | ${value} |\n`).join("")}`;
}

const VERSION_COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ["nginx", "-v"],
  ["ssh", "-V"],
  ["frps", "--version"],
  ["chisel", "--version"],
  ["rathole", "--version"],
  ["wrk", "-v"],
  ["nats-server", "--version"],
  ["redis-server", "--version"],
];

function versions(): string {
  return VERSION_COMMANDS.map(([program, flag = ""]) => {
    if (!onPath(program)) return `${program} not found`;
    const { stdout, stderr } = Bun.spawnSync([pathOf(program) ?? program, flag]);
    const said = `${stdout.toString()} ${stderr.toString()}`;
    return `${program} ${/(?<![\d:T-])\d+\.\d+(?:\.\d+)*(?:p\d+)?(?![\d:Z])/.exec(said)?.[0] ?? ""}`.trim();
  }).join(", ");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // not this kind of system
  }
}
