// `muster inbox`: what paired devices have sent, oldest first. With --follow it stays and shows what comes; a
// message counts as read once it was printed, so one that was not may be shown again, with the same id.

import type { LocalResponse } from "../../protocol/local-api.ts";
import type { FileArriving } from "../../protocol/local-peers.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { withPeers, type PeerCalls } from "../peer-calls.ts";
import { plainLine, stripControl } from "../plain-text.ts";
import { percent, size } from "../sizes.ts";

export interface InboxFlags {
  follow?: true | undefined;
  new?: true | undefined;
  arriving?: true | undefined;
  refuse?: string | undefined;
}

type Item = LocalResponse<"inbox">["items"][number];

export function inbox(invocation: Invocation, flags: InboxFlags): Promise<void> {
  return withPeers(invocation, (peers) => inboxOf(invocation, peers, flags));
}

async function inboxOf(invocation: Invocation, agent: PeerCalls, flags: InboxFlags): Promise<void> {
  if (flags.refuse !== undefined) return refuse(invocation, agent, flags.refuse);
  const follow = flags.follow === true;
  const unread = flags.new === true || follow;
  const announced = new Set<string>();
  let shown = 0;
  for (let after = 0; ;) {
    const { items, arriving } = await agent.call("inbox", { after, unread, wait: follow });
    for (const item of items) show(invocation, item);
    shown += items.length;
    after = items.at(-1)?.position ?? after;
    if (items.length > 0) await markRead(agent, after);
    if (items.length > 0 && !follow) continue;
    for (const file of arriving) {
      if (announced.has(file.id)) continue;
      announced.add(file.id);
      showArriving(invocation, file, flags);
    }
    if (!follow) break;
  }
  if (shown + announced.size === 0 && !invocation.json) invocation.out.line("Nothing has come.");
}

async function refuse(invocation: Invocation, agent: PeerCalls, id: string): Promise<void> {
  const refused = await agent.call("file_refuse", { id });
  if (invocation.json) return printJson(invocation, refused);
  invocation.out.line(`Turned away: ${plainLine(refused.name)}. Its sender is told.`);
}

/** Once each: how far it is later, the next look says. */
function showArriving(invocation: Invocation, file: FileArriving, flags: InboxFlags): void {
  if (invocation.json) return flags.arriving === true ? printJson(invocation, file) : undefined;
  const { out } = invocation;
  out.line(
    `${out.style("dim", `${file.state} ${file.id.slice(0, 8)}`)} ${out.style("bold", plainLine(file.from))}`,
  );
  out.line(`  ${plainLine(file.name)}: ${percent(file.bytes, file.size)} of ${size(file.size)}`);
}

async function markRead(agent: PeerCalls, upTo: number): Promise<void> {
  await agent.call("inbox_read", { up_to: upTo });
}

function show(invocation: Invocation, { id, from, at, text, file }: Item): void {
  if (invocation.json) {
    const content =
      file === undefined
        ? { text }
        : { file: file.path, name: file.name, size: file.size, sha256: file.sha256 };
    return printJson(invocation, { id, from, at, ...content });
  }
  const { out } = invocation;
  const when = at.replace("T", " ").replace(/(?:\.[0-9]+)?Z$/, " UTC");
  out.line(`${out.style("dim", when)} ${out.style("bold", plainLine(from))}`);
  const shown = file === undefined ? (text ?? "") : `${file.path} (${size(file.size)})`;
  for (const line of stripControl(shown).split("\n")) out.line(`  ${line}`);
}
