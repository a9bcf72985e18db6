// `muster device token --share DEVICE`, `device claim` and `device unshare`: one device, commanded by two owners.

import { resolve } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import { confirm } from "../confirm.ts";
import { askAboutDevices } from "../device-calls.ts";
import { parseDuration, until } from "../durations.ts";
import { parseHubUrl } from "../hub-url.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { findAgent } from "../local-api.ts";
import { plainLine, plainValue } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { readSecretText } from "../secret-input.ts";
import { lookAround } from "../overview.ts";
import { askOwners } from "./owners.ts";
import { warnOfReach } from "../warn-of-reach.ts";

const TITLE_MAX_CHARACTERS = 64;

export async function shareToken(
  invocation: Invocation,
  device: string,
  flags: {
    expires: string;
    name?: string | undefined;
    browser?: true | undefined;
    yes?: true | undefined;
  },
): Promise<void> {
  if (flags.name !== undefined) {
    throw new MusterError("usage", "--name is for a new machine, and --share gives out one that has a name");
  }
  const expires_in_ms = parseDuration(flags.expires, { name: "--expires", min: "1m", max: "7d" });
  if (flags.yes !== true) await askAboutKeys(invocation, device);
  const request = { device, expires_in_ms, ...(flags.browser === true ? { browser: true } : {}) };
  const made = await askOwners(invocation, (owners) => owners.device_share(request));
  if (invocation.json) return printJson(invocation, made);
  const { out, surroundings } = invocation;
  const plain = plainValue(made);
  const { name, token, expires_at } = plain;
  out.line(`Token: ${out.style("bold", token)}`);
  out.line(
    `It makes one person a co-owner of ${out.style("bold", name)} and ends ` +
      `${until(expires_at, surroundings.clock.now())}.`,
  );
  out.line("They may then do there all that you may, but share it.");
  tellWays(out, plain);
  if (made.only_here === true) warnOfReach(invocation);
}

function tellWays(
  out: Invocation["out"],
  { name, browser, claim, link }: Pick<LocalResponse<"device_share">, "name" | "browser" | "claim" | "link">,
): void {
  if (!browser) {
    out.line("They run, on a machine of theirs:");
    out.line(`  ${claim}`);
    if (link === undefined) return;
    out.line("Its link, opened in a browser, shows them that line:");
    out.line(`  ${link}`);
    out.line("For a browser alone, make it with --browser: then whoever keeps the hub could");
    out.line(`command ${name} by that browser's key, while its page is open.`);
    return;
  }
  if (link === undefined) {
    out.line("They run:");
    out.line(`  ${claim}`);
    out.line("No browser can take it at this hub: over plain HTTP it has no keys.");
    return;
  }
  out.line("They open this in a browser, which makes them an account where they have none:");
  out.line(`  ${link}`);
  out.line("Or, to command it from a machine of theirs, they run:");
  out.line(`  ${claim}`);
  out.line("While its page is open, whoever keeps the hub could use that browser's key.");
}

export async function deviceClaim(
  invocation: Invocation,
  given: string,
  flags: { as?: string | undefined; insecure?: true | undefined; ca?: string | undefined },
): Promise<void> {
  const { surroundings, home, interrupted } = invocation;
  if (flags.as !== undefined && (flags.as.trim() === "" || flags.as.length > TITLE_MAX_CHARACTERS)) {
    throw new MusterError("usage", `--as takes 1 to ${TITLE_MAX_CHARACTERS} characters`);
  }
  const text = given === "-" ? await readSecretText(invocation, { what: "share token" }) : given;
  const { token, hubUrl } = readLink(text.trim());
  const search = await findAgent(invocation);
  const own =
    search.state === "running" ? await search.agent.call("owners", {}).catch(() => undefined) : undefined;
  const progress = startProgress(invocation, "Claiming the device");
  const claimed = await surroundings
    .claimShare({
      home,
      hubUrl,
      token,
      as: flags.as,
      known: own === undefined ? undefined : { entries: own.entries, head: own.head },
      insecure: flags.insecure === true,
      ...(flags.ca === undefined ? {} : { ca: resolve(surroundings.cwd, flags.ca) }),
      stop: interrupted,
      phase: progress.phase,
    })
    .finally(progress.end);
  const shown = claimed.joined === null ? await nameNow(invocation, claimed) : claimed;
  if (invocation.json) return printJson(invocation, shown);
  const { out } = invocation;
  const { name, hub_url, joined } = plainValue(shown);
  if (joined !== null) out.line(`Joined ${hub_url} as ${out.style("bold", joined)}, an owner of your own.`);
  out.line(`${out.style("bold", name)} is shared with you: you command it beside its owner.`);
  out.line(`  muster shell ${name}`);
}

/** A device that was claimed before may have another name by now than the owner log has. */
async function nameNow<Claimed extends { device_id: string; name: string }>(
  invocation: Invocation,
  claimed: Claimed,
): Promise<Claimed> {
  const { devices = [] } = await lookAround(invocation);
  const name = devices.find(({ id }) => id === claimed.device_id)?.name;
  return name === undefined ? claimed : { ...claimed, name };
}

export async function deviceUnshare(
  invocation: Invocation,
  device: string,
  owner: string | undefined,
): Promise<void> {
  const ended = await askOwners(invocation, (owners) =>
    owners.device_unshare({ device, ...(owner === undefined ? {} : { owner }) }),
  );
  if (invocation.json) return printJson(invocation, ended);
  const { out } = invocation;
  const name = plainLine(ended.name);
  if (ended.owner !== null) return out.line(`${name} is shared with ${plainLine(ended.owner)} no more.`);
  out.line(`You command ${name} no more.`);
  out.line(out.style("dim", "Until its owner says so too, you may take it again by the link that you had."));
}

/** Whoever has a shell where an owner's key lies has that key, and with it every device. */
async function askAboutKeys(invocation: Invocation, reference: string): Promise<void> {
  const { device, role } = plainValue(
    await askAboutDevices(invocation, (devices) => devices.show({ device: reference })),
  );
  if (role !== "controller") return;
  await confirm(invocation, {
    lost: [
      `${device.name} (${device.id}) is a controller: its key commands every device of yours.`,
      "Whoever has a shell there can read that key, and keep it when the share is over.",
    ],
    ask: `Share ${device.name} all the same?`,
  });
}

/** A token, or the link it comes in. */
function readLink(text: string): { token: string; hubUrl: string | undefined } {
  const mark = text.indexOf("/claim#");
  if (mark < 0) return { token: text, hubUrl: undefined };
  return { token: text.slice(mark + "/claim#".length), hubUrl: parseHubUrl(text.slice(0, mark)) };
}
