// `muster audit`: the hub's record of what was done, the latest first.

import { printJson, type Invocation } from "../invocation.ts";
import { askAgentOrHub, lookAround } from "../overview.ts";
import { plainLine } from "../plain-text.ts";
import { tableLines } from "../table.ts";

export interface AuditFlags {
  limit: number;
  cursor?: string | undefined;
  wide?: true | undefined;
}

export async function audit(invocation: Invocation, flags: AuditFlags): Promise<void> {
  const question = { limit: flags.limit, cursor: flags.cursor ?? null };
  const { items, cursor } = await askAgentOrHub(invocation, {
    agent: (agent) => agent.call("audit", question),
    hub: (session) => session.request("audit_get", question),
  });
  if (invocation.json) return printJson(invocation, { items, cursor });
  const { out } = invocation;
  if (items.length === 0) return out.line("Nothing is on record.");
  const { devices = [] } = flags.wide === true ? {} : await lookAround(invocation);
  const names = new Map(devices.map(({ id, name }) => [id, name]));
  const rows = items.map((item) => [
    { text: item.at.replace("T", " ").replace(/(?:\.[0-9]+)?Z$/, " UTC") },
    { text: named(item.actor, names), short: shortIds(named(item.actor, names)) },
    { text: item.action, style: "bold" as const },
    { text: named(item.target, names), short: shortIds(named(item.target, names)) },
    { text: Object.keys(item.detail).length === 0 ? "" : JSON.stringify(item.detail) },
  ]);
  const headings = ["WHEN", "WHO", "WHAT", "ON", "DETAIL"];
  const shorten = [1, 3];
  for (const line of tableLines(out, rows, { headings, shorten, wide: flags.wide === true })) out.line(line);
  if (cursor !== null) out.line(out.style("dim", `Earlier: muster audit --cursor ${plainLine(cursor)}`));
}

/** A name may be another's tomorrow: the id stays beside it. */
function named(text: string, names: ReadonlyMap<string, string>): string {
  const id = /^device:(.*)$/.exec(text)?.[1] ?? "";
  const name = names.get(id);
  return name === undefined ? text : `${name} (${id.slice(0, 7)})`;
}

/** Of devices as `device ls` shows them there, and of people. */
function shortIds(text: string): string {
  return text
    .replace(/\b([a-z2-7]{7})(?:-[a-z2-7]{7}){3}\b/g, "$1")
    .replace(/^(user:[A-Za-z0-9]{7})[A-Za-z0-9]+$/, "$1");
}
