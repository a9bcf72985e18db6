// The question of `muster init` on a terminal: this machine, or a VPS? For a VPS the line to run there is made and
// printed, and its joining awaited, no longer than its token lives: that of the machine that spends this very
// token, as the owner log has it, whoever else may come meanwhile. This machine is not changed.

import { MusterError } from "../protocol/errors.ts";
import { parseSetupToken } from "../protocol/setup-token.ts";
import type { DeviceView } from "../protocol/views.ts";
import { askAboutDevices } from "./device-calls.ts";
import { until } from "./durations.ts";
import { addressOf } from "./finish-init.ts";
import type { Invocation } from "./invocation.ts";
import { askAgentOrHub, joinedHub, lookAround } from "./overview.ts";
import { plainValue } from "./plain-text.ts";
import { startProgress } from "./progress.ts";
import { waitFor } from "./wait.ts";

const ASKED_MAX = 3;
const LOOK_EVERY_MS = 2_000;
const TOKEN_LIFE_MS = 15 * 60_000;

/** True for a VPS. An empty answer is this machine. */
export async function asksForVps({ surroundings }: Invocation): Promise<boolean> {
  for (let asked = 0; asked < ASKED_MAX; asked += 1) {
    const answer = await surroundings.stdin.readLine("This machine, or a VPS? [this/vps] (this) ");
    const word = answer.trim().toLowerCase();
    if (word === "" || word === "this" || word === "this machine") return false;
    if (word === "vps" || word === "a vps") return true;
  }
  throw new MusterError("usage", "that was neither `this` nor `vps`", {
    hint: "say it with --kind, or --yes for this machine",
  });
}

/** `hubUrl` is the hub that was asked for, where one was. */
export async function joinElsewhere(invocation: Invocation, hubUrl: string | undefined): Promise<void> {
  const { out, surroundings } = invocation;
  const home = await joinedHub(invocation);
  if (home?.controller !== true) throw noController();
  const before = await lookAround(invocation);
  if (hubUrl !== undefined && hubUrl !== home.hub_url && hubUrl !== before.hub.url)
    throw noController(hubUrl);
  const request = { expires_in_ms: TOKEN_LIFE_MS };
  const made = await askAgentOrHub(invocation, {
    agent: (agent) => agent.call("device_token", request),
    hub: (session) => session.deviceToken(request),
  });
  const { install, expires_at } = plainValue(made);
  if (made.only_here === true) throw unreachable();
  out.line("Run on the VPS:");
  out.line(`  ${install}`);
  out.line(`It lets one machine in and ends ${until(expires_at, surroundings.clock.now())}.`);
  if (before.devices === undefined) return out.line("Then look for it here: muster device ls");
  const { invite } = parseSetupToken(made.token);
  const { device, url } = await invitedDevice(invocation, { invite, expiresAt: Date.parse(expires_at) });
  const { name, id, hostname } = plainValue(device);
  out.line(`Joined as ${out.style("bold", name)} (${id}).`);
  if (hostname !== null && hostname !== "" && url !== null) {
    out.line(`Its address: ${out.style("bold", addressOf(url, hostname))}`);
  }
}

async function invitedDevice(
  invocation: Invocation,
  { invite, expiresAt }: { invite: number; expiresAt: number },
): Promise<{ device: DeviceView; url: string | null }> {
  const timeoutMs = Math.max(0, expiresAt - invocation.surroundings.clock.now());
  const progress = startProgress(invocation, "Waiting for it to join");
  const found = await waitFor(invocation, { everyMs: LOOK_EVERY_MS, timeoutMs }, async () => {
    const { device_id } = await askAboutDevices(invocation, (devices) => devices.invited({ invite }));
    if (device_id === null) return undefined;
    const { devices = [], hub } = await lookAround(invocation);
    const device = devices.find(({ id }) => id === device_id);
    return device === undefined ? undefined : { device, url: hub.url };
  }).finally(progress.end);
  if (found !== undefined) return found;
  throw new MusterError("unavailable", "the token has ended, and no machine has joined with it", {
    hint: "look what the line said on the VPS, and make another one: `muster device token`",
  });
}

function unreachable(): MusterError {
  return new MusterError("unavailable", "no other machine reaches this hub, so no VPS can join it", {
    hint: "give the hub a domain, `muster hub --domain example.com`, or run the hub on the VPS",
  });
}

function noController(hubUrl?: string): MusterError {
  const where = hubUrl === undefined ? "a hub" : `the hub ${hubUrl}`;
  return new MusterError("unavailable", `this machine can't let another one into ${where}`, {
    hint: "run `muster device token` on the hub's machine, and on the VPS the line that it prints",
  });
}
