// `muster inbox`: what paired devices have sent, oldest first. With --follow it stays and shows what comes; a
// message counts as read once it was printed, so one that was not may be shown again, with the same id.

import type { LocalResponse } from "../../protocol/local-api.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { requireAgent, type LocalAgent } from "../local-api.ts";
import { plainLine, stripControl } from "../plain-text.ts";

export interface InboxFlags {
  follow?: true | undefined;
  new?: true | undefined;
}

type Item = LocalResponse<"inbox">["items"][number];

export async function inbox(invocation: Invocation, flags: InboxFlags): Promise<void> {
  const agent = await requireAgent(invocation);
  const follow = flags.follow === true;
  const unread = flags.new === true || follow;
  let shown = 0;
  for (let after = 0; ;) {
    const { items } = await agent.call("inbox", { after, unread, wait: follow });
    for (const item of items) show(invocation, item);
    shown += items.length;
    after = items.at(-1)?.position ?? after;
    if (items.length > 0) await markRead(agent, after);
    else if (!follow) break;
  }
  if (shown === 0 && !invocation.json) invocation.out.line("Nothing has come.");
}

async function markRead(agent: LocalAgent, upTo: number): Promise<void> {
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
  const shown = file === undefined ? (text ?? "") : `${file.path} (${file.size} bytes)`;
  for (const line of stripControl(shown).split("\n")) out.line(`  ${line}`);
}
