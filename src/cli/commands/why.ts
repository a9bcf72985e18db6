// `muster why`: walks the path to a device, a service, a share or any URL, hop by hop, and names the one that is
// broken, why, and what to do. It succeeds whenever it can tell; `--strict` makes a broken path its failure.

import { curlForm } from "../curl-form.ts";
import { MusterError } from "../../protocol/errors.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { joinedHub, lookAround } from "../overview.ts";
import { plainLine } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { tableLines, type Cell } from "../table.ts";
import { pathTo } from "../why/path-to.ts";
import { walk, type Hop, type Walk } from "../why/walk.ts";

export async function why(
  invocation: Invocation,
  target: string,
  flags: { strict?: true | undefined },
): Promise<void> {
  const { surroundings } = invocation;
  const probe = await surroundings.pathProbe();
  const [overview, joined] = [await lookAround(invocation), await joinedHub(invocation)];
  const { title, stations } = pathTo({ invocation, probe, overview, joined }, target);
  const progress = startProgress(invocation, `walking to ${target}`);
  let walked: Walk;
  try {
    walked = await walk(stations, {
      clock: surroundings.clock,
      hear: (name) => {
        if (invocation.err.interactive) progress.phase(`walking to ${target}: ${name}`);
      },
    });
  } finally {
    progress.end();
  }
  if (invocation.json) printJson(invocation, { target: title, ...walked });
  else print(invocation, title, walked);
  if (flags.strict === true && !walked.ok) {
    throw new MusterError("unavailable", `the path to ${title} is broken`, {
      hint: walked.fix ?? "see above",
    });
  }
}

function print({ out }: Invocation, title: string, { ok, hops, cause, fix }: Walk): void {
  out.line(out.style("bold", plainLine(title)));
  for (const line of tableLines(out, hops.map(row), { indent: "  ", foldAfter: 0 })) out.line(line);
  if (ok) {
    out.line(out.style("green", "Every hop works."));
    const curl = curlForm(title);
    if (curl !== undefined) out.line(out.style("dim", `Where *.localhost is not known:\n  ${curl}`));
    return;
  }
  out.prose(`${out.style("red", "Broken:")} ${plainLine(cause ?? "")}`);
  if (fix !== null) out.prose(`${out.style("bold", "Fix:")} ${plainLine(fix)}`);
}

function row({ name, ok, ms, detail }: Hop): Cell[] {
  return [
    ok === null
      ? { text: "-", style: "dim" }
      : ok
        ? { text: "ok", style: "green" }
        : { text: "broken", style: "red" },
    { text: name, style: "bold" },
    { text: ms === null ? "" : `${ms} ms` },
    ok === null ? { text: detail, style: "dim" } : { text: detail },
  ];
}
