// `muster logs APP`: what an app wrote. Its own control sequences never reach a terminal; a pipe gets its bytes.

import { printJson, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import { stripControl } from "../plain-text.ts";

/** A longer line is passed on in pieces, so that an app without line breaks can't fill the memory. */
const LINE_MAX_CHARACTERS = 64 * 1024;

export interface LogsFlags {
  follow?: true | undefined;
  lines: number;
}

export async function logs(invocation: Invocation, app: string, flags: LogsFlags): Promise<void> {
  const agent = await requireAgent(invocation);
  const follow = flags.follow === true;
  const body = await agent.stream("logs", { share: app, lines: flags.lines, follow });
  if (!invocation.json) {
    const clean = invocation.surroundings.stdout.isTerminal ? stripControl : (line: string) => line;
    for await (const line of linesOf(body)) invocation.out.line(clean(line));
    return;
  }
  const lines: string[] = [];
  for await (const line of linesOf(body)) {
    if (follow) printJson(invocation, { line });
    else lines.push(line);
  }
  if (!follow) printJson(invocation, { lines });
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of body) {
    const lines = (held + decoder.decode(chunk, { stream: true })).split("\n");
    held = lines.pop() ?? "";
    yield* lines;
    if (held.length < LINE_MAX_CHARACTERS) continue;
    yield held;
    held = "";
  }
  held += decoder.decode();
  if (held !== "") yield held;
}
