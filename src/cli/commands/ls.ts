// `muster ls`: the shares of the fleet, a line each.

import type { Invocation } from "../invocation.ts";
import { printJson } from "../invocation.ts";
import { agentMissing } from "../local-api.ts";
import { lookAround } from "../overview.ts";
import { LIST_HEADINGS, LIST_SHORTEN, listRow } from "../share-rows.ts";
import { tableLines } from "../table.ts";
import { overviewJson } from "./status.ts";

export async function list(invocation: Invocation, flags: { wide?: true | undefined }): Promise<void> {
  const overview = await lookAround(invocation);
  if (invocation.json) return printJson(invocation, overviewJson(overview));
  if (overview.hub.state === "stopped") throw agentMissing({ state: "absent" });
  const { out, surroundings } = invocation;
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
