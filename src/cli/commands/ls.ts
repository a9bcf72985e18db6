// `muster ls`: the shares of the fleet, a line each. As `status`, it succeeds when it can tell that nothing runs.

import type { Invocation } from "../invocation.ts";
import { printJson } from "../invocation.ts";
import { lookAround } from "../overview.ts";
import { plainValue } from "../plain-text.ts";
import { LIST_HEADINGS, LIST_SHORTEN, listRow } from "../share-rows.ts";
import { summarize } from "../status-summary.ts";
import { tableLines } from "../table.ts";
import { overviewJson } from "./status.ts";

export async function list(invocation: Invocation, flags: { wide?: true | undefined }): Promise<void> {
  const overview = await lookAround(invocation);
  if (invocation.json) return printJson(invocation, overviewJson(overview));
  const { out, surroundings } = invocation;
  if (overview.hub.state === "stopped") {
    out.line(summarize(plainValue(overview), surroundings.clock.now()).lines[0] ?? "");
    for (const notice of plainValue(overview.notices)) out.prose(out.style("dim", `Note: ${notice}`));
    return;
  }
  if (overview.shares.length === 0) {
    out.line("Nothing is shared yet. Publish a folder or a port: muster add ./site");
    return;
  }
  const now = surroundings.clock.now();
  const ids = overview.shares.map((share) => share.id);
  const rows = overview.shares.map((share) => listRow(share, { now, ids }));
  const options = { headings: LIST_HEADINGS, shorten: LIST_SHORTEN, wide: flags.wide === true };
  for (const line of tableLines(out, rows, options)) out.line(line);
}
