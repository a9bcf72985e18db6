// `muster device rekey`: new keys for this device. Whoever is paired with it is told first that the pairing is over;
// then its agent stops, the keys change, and it starts again as the device that it was.
import { MusterError } from "../../protocol/errors.ts";
import { confirm } from "../confirm.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { findAgent, requireAgent, type LocalAgent } from "../local-api.ts";
import { joinedHub } from "../overview.ts";
import { plainLine } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { startInBackground } from "../start-in-background.ts";
import { stopAgent } from "../stop-agent.ts";
import type { RekeyResult } from "../surroundings.ts";
import { readSecretText } from "../secret-input.ts";
import { waitFor } from "../wait.ts";

export interface RekeyFlags {
  token?: string | undefined;
  yes?: true | undefined;
}

/** Those that are online hear it at once. */
const TOLD_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 100;

export async function deviceRekey(invocation: Invocation, flags: RekeyFlags): Promise<void> {
  const joined = await joinedHub(invocation);
  if (joined === undefined) throw new MusterError("not_joined", "this home has joined no hub");
  if (joined.embedded) {
    throw new MusterError("conflict", "this device runs the hub, and its key began the fleet", {
      hint: "if that key is in wrong hands, take the fleet back with the written words: muster device owners recover",
    });
  }
  const token = flags.token === undefined ? undefined : await setupToken(invocation, flags.token);
  const search = await findAgent(invocation);
  const agent = search.state === "running" ? search.agent : undefined;
  if (agent !== undefined && token === undefined) await demandAdmin(agent);
  const paired = agent === undefined ? [] : (await agent.call("peers", {})).peers.map(({ name }) => name);
  if (flags.yes !== true) {
    const lost = [
      "This device gets new keys. It stays in its fleet, and its addresses stay.",
      ...(paired.length === 0 ? [] : [`Its pairings end: ${paired.map(plainLine).join(", ")}.`]),
      ...(agent === undefined ? [] : ["Its agent is stopped and started again."]),
    ];
    await confirm(invocation, { lost, ask: "Change its keys?" });
  }
  const untold = agent === undefined ? 0 : await part(invocation, agent);
  const restart = await stopped(invocation, agent);
  const result = await changed(invocation, token).finally(restart);
  await keepName(invocation, result, agent !== undefined);
  report(invocation, { result, untold });
}

/** Before anything ends that could not begin anew. */
async function demandAdmin(agent: LocalAgent): Promise<void> {
  const own = (await agent.call("owners", {})).items.find(({ self }) => self);
  if (own?.scopes.includes("admin") === true) return;
  throw new MusterError("forbidden", "this device may not let its new key in by itself", {
    hint: "make a token on a controller (muster device token) and give it here: muster device rekey --token TOKEN",
  });
}

/** Resolves with how many could not be told. */
async function part(invocation: Invocation, agent: LocalAgent): Promise<number> {
  const { peers } = await agent.call("peers", {});
  for (const { id } of peers) await agent.call("peer_unpair", { device: id });
  const within = { everyMs: LOOK_EVERY_MS, timeoutMs: TOLD_WITHIN_MS };
  const told = await waitFor(invocation, within, async () => {
    return (await agent.call("peers", {})).leaving === 0 ? true : undefined;
  });
  return told === true ? 0 : ((await agent.call("peers", {})).leaving ?? 0);
}

/** What starts again whatever ran. */
async function stopped(invocation: Invocation, agent: LocalAgent | undefined): Promise<() => Promise<void>> {
  if (agent === undefined) return async () => {};
  const desk = await invocation.surroundings.openService(invocation.home);
  if ((await desk.state()) !== undefined) {
    await desk.stop();
    return () => desk.start();
  }
  await stopAgent(invocation, agent);
  return async () => void (await startInBackground(invocation, { tunnel: true }));
}

async function changed(invocation: Invocation, token: string | undefined): Promise<RekeyResult> {
  const { surroundings, home, interrupted } = invocation;
  const progress = startProgress(invocation, "changing keys");
  try {
    return await surroundings.rekey({
      home,
      stop: interrupted,
      phase: (text) => progress.phase(text),
      ...(token === undefined ? {} : { token }),
    });
  } finally {
    progress.end();
  }
}

/** The hub gave the name of a device that was still there to nobody else: now it is free for this one. */
async function keepName(
  invocation: Invocation,
  { device_id, name }: RekeyResult,
  runs: boolean,
): Promise<void> {
  if (!runs) return;
  const agent = await requireAgent(invocation);
  const { device, hub } = await agent.call("status", {});
  if (device.name === name || hub.state !== "connected") return;
  await agent.call("device_rename", { device: device_id, name });
}

function report(invocation: Invocation, { result, untold }: { result: RekeyResult; untold: number }): void {
  const { device_id, name, former_id, former_removed } = result;
  if (invocation.json) return printJson(invocation, { ...result, untold });
  const { out } = invocation;
  out.line(`${out.style("bold", plainLine(name))} has new keys. Its id is ${device_id} now.`);
  if (untold > 0)
    warn(invocation, `${untold} paired devices were away and not told that the pairing is over`);
  if (former_removed) return out.line("The old key is out of the owner log, for good.");
  warn(
    invocation,
    `the old key is still in the owner log: on a controller, muster device remove ${former_id}`,
  );
}

async function setupToken(invocation: Invocation, given: string): Promise<string> {
  const token = given === "-" ? (await readSecretText(invocation, { what: "token" })).trim() : given;
  if (/^mst1_[A-Za-z0-9_-]{64,128}$/.test(token)) return token;
  throw new MusterError("usage", "that is no setup token: one begins with mst1_ and is one long word", {
    hint: "copy all of it, or make a new one on a controller: `muster device token`",
  });
}
