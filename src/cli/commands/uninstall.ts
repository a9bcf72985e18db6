// `muster uninstall`: service, program and link; the state of this home only when that is said or answered.

import type { HubFile } from "../../protocol/local-api.ts";
import { confirm } from "../confirm.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { findAgent } from "../local-api.ts";
import { joinedHub } from "../overview.ts";
import { plainLine } from "../plain-text.ts";
import { stopAgent } from "../stop-agent.ts";
import type { ServiceDesk } from "../surroundings.ts";

export interface UninstallFlags {
  hub?: true | undefined;
  state?: true | undefined;
  yes?: true | undefined;
}

export async function uninstall(invocation: Invocation, flags: UninstallFlags): Promise<void> {
  const { surroundings, home } = invocation;
  const desk = await surroundings.openService(home);
  if (flags.hub === true) return uninstallHub(invocation, desk, flags);
  const joined = await joinedHub(invocation);
  const state = await takesState(invocation, flags, lostWith(joined));
  if ((await desk.state()) === undefined) {
    const search = await findAgent(invocation);
    if (search.state === "running") await stopAgent(invocation, search.agent);
  }
  const { removed, notes } = await desk.uninstall({ state });
  if (invocation.json) return printJson(invocation, { removed, notes });
  printRemoved(invocation, { removed, notes });
  if (state && joined !== undefined && !joined.embedded) {
    invocation.out.line(
      `The hub still lists this device; on another one: muster device remove ${plainLine(joined.name)}`,
    );
  } else if (!state)
    invocation.out.line(`Its state stays in ${plainLine(home)}; muster uninstall --state removes it`);
}

async function uninstallHub(invocation: Invocation, desk: ServiceDesk, flags: UninstallFlags): Promise<void> {
  const state = flags.state === true;
  if (state && flags.yes !== true) await confirmLoss(invocation, "all that the hub knows");
  const gone = await desk.uninstallHub({ state });
  if (invocation.json) return printJson(invocation, gone);
  printRemoved(invocation, gone);
  if (!state) invocation.out.line("What the hub knows stays; muster uninstall --hub --state removes it");
}

function printRemoved(
  invocation: Invocation,
  { removed, notes }: { removed: string[]; notes: string[] },
): void {
  for (const path of removed) invocation.out.line(`Removed ${plainLine(path)}`);
  if (removed.length === 0) invocation.out.line("Nothing was installed.");
  for (const note of notes) warn(invocation, note);
}

function lostWith(joined: HubFile | undefined): string | undefined {
  if (joined === undefined) return undefined;
  return joined.embedded ? "its hub, the fleet's keys, shares and logs" : "its key, shares and logs";
}

async function takesState(
  invocation: Invocation,
  { state, yes }: UninstallFlags,
  lost = "its shares and logs",
): Promise<boolean> {
  const { stdin } = invocation.surroundings;
  if (yes === true) return state === true;
  if (state === true) {
    await confirmLoss(invocation, lost);
    return true;
  }
  if (!stdin.isTerminal || invocation.json) return false;
  const answer = await stdin.readLine(`Remove the state too (${lost}; they can't be had back)? [y/N] `);
  return /^y(?:es)?$/i.test(answer.trim());
}

function confirmLoss(invocation: Invocation, lost: string): Promise<void> {
  return confirm(invocation, {
    lost: [`This removes ${lost}; they can't be had back.`],
    ask: "Remove the state?",
  });
}
