// `muster init HUB_URL --token T`: joins this machine to a hub.

import { resolve } from "node:path";
import { hostNameProblem } from "../../protocol/names.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { DeviceKind } from "../../protocol/views.ts";
import { parseHubUrl } from "../hub-url.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { plainValue } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { readSecretText } from "../secret-input.ts";

const LOCATION_MAX_CHARACTERS = 50;

export interface InitFlags {
  token?: string | undefined;
  name?: string | undefined;
  kind?: DeviceKind | undefined;
  location?: string | undefined;
  replace?: true | undefined;
  insecure?: true | undefined;
  ca?: string | undefined;
  service: boolean;
}

export async function init(invocation: Invocation, hubUrlText: string, flags: InitFlags): Promise<void> {
  const { surroundings, home, interrupted } = invocation;
  const hubUrl = parseHubUrl(hubUrlText);
  checkLabels(flags);
  const token = await setupToken(invocation, flags.token);
  const progress = startProgress(invocation, `Joining ${hubUrl}`);
  const joined = await surroundings
    .join({
      home,
      hubUrl,
      token,
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.kind === undefined ? {} : { kind: flags.kind }),
      ...(flags.location === undefined ? {} : { location: flags.location }),
      replace: flags.replace === true,
      insecure: flags.insecure === true,
      ...(flags.ca === undefined ? {} : { ca: resolve(surroundings.cwd, flags.ca) }),
      stop: interrupted,
      phase: progress.phase,
    })
    .finally(progress.end);
  const { device_id, name, hostname } = joined;
  if (invocation.json) return printJson(invocation, { device_id, name, hostname });
  printJoined(invocation, plainValue(joined), { asked: flags.name, service: flags.service });
}

function printJoined(
  { out }: Invocation,
  joined: { device_id: string; name: string; hostname: string },
  { asked, service }: { asked: string | undefined; service: boolean },
): void {
  const host = joined.hostname === "" ? "" : `, ${joined.hostname}`;
  out.line(`Joined as ${out.style("bold", joined.name)} (${joined.device_id}${host}).`);
  if (asked !== undefined && asked !== joined.name) out.line(`The name ${asked} was taken.`);
  if (service) out.line("No service was installed: that comes with a later version.");
  out.line("Bring it online: muster agent");
}

async function setupToken(invocation: Invocation, given: string | undefined): Promise<string> {
  if (given === undefined) {
    throw new MusterError("usage", "`muster init` needs --token", {
      hint: "make one on a machine that has joined: `muster device token`",
    });
  }
  const token = given === "-" ? (await readSecretText(invocation, { what: "token" })).trim() : given;
  // mst1_ and base64url of a pin, an invite number and a seed: 52 bytes or a few more.
  if (/^mst1_[A-Za-z0-9_-]{64,128}$/.test(token)) return token;
  throw new MusterError("usage", "that is no setup token: one begins with mst1_ and is one long word", {
    hint: "copy all of it, or make a new one: `muster device token`",
  });
}

function checkLabels({ name, location }: InitFlags): void {
  const problem = name === undefined ? undefined : hostNameProblem(name);
  if (problem !== undefined)
    throw new MusterError("usage", `the name "${name?.slice(0, 64) ?? ""}" ${problem}`);
  if (location !== undefined && location.length > LOCATION_MAX_CHARACTERS) {
    throw new MusterError("usage", `--location may have at most ${LOCATION_MAX_CHARACTERS} characters`);
  }
}
