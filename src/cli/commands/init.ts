// `muster init HUB_URL --token T`: joins this machine to a hub, has it kept running and proves that it is reached.

import { resolve } from "node:path";
import { hostNameProblem } from "../../protocol/names.ts";
import { MusterError } from "../../protocol/errors.ts";
import { REGISTRATION_CODE } from "../../protocol/joining-api.ts";
import type { HubFile } from "../../protocol/local-api.ts";
import type { DeviceKind } from "../../protocol/views.ts";
import { parseHubUrl } from "../hub-url.ts";
import { configFile } from "../config-file.ts";
import { finishInit, type Finished } from "../finish-init.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { asksForVps, joinElsewhere } from "../join-elsewhere.ts";
import { joinedHub } from "../overview.ts";
import { plainValue } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { readSecretText } from "../secret-input.ts";
import { showPrompt } from "../join-prompt.ts";
import type { JoinResult } from "../surroundings.ts";

const LOCATION_MAX_CHARACTERS = 50;

export interface InitFlags {
  token?: string | undefined;
  name?: string | undefined;
  kind?: DeviceKind | undefined;
  location?: string | undefined;
  link: string;
  replace?: true | undefined;
  insecure?: true | undefined;
  ca?: string | undefined;
  service: boolean;
  config?: string | undefined;
  yes?: true | undefined;
}

export async function init(
  outer: Invocation,
  hubUrlText: string | undefined,
  flags: InitFlags,
): Promise<void> {
  const { surroundings } = outer;
  if (asksWhere(outer, flags) && (await asksForVps(outer))) {
    return joinElsewhere(outer, hubUrlText === undefined ? undefined : parseHubUrl(hubUrlText));
  }
  const desk = flags.service ? await surroundings.openService(homeFor(outer, flags)) : undefined;
  // A service of the whole machine has its state where the machine keeps such.
  const invocation = { ...outer, home: desk?.absent === null ? homeFor(outer, flags) : outer.home };
  const { home, interrupted } = invocation;
  const settings = await settingsOf(invocation, flags);
  const hubUrl = parseHubUrl(hubUrlText ?? settings.hubUrl ?? missingHub());
  const location = flags.location ?? settings.location;
  checkLabels({ ...flags, location });
  const namedLink = flags.link === "named";
  if (namedLink) refuseSilentConfig(settings);
  // Joining one's own hub again needs no token: it changes nothing, and sees that everything is in place.
  const own = await joinedHub(invocation);
  if (own?.embedded === true && own.hub_url === hubUrl && flags.replace !== true) {
    return tellOwnHub(invocation, own);
  }
  const again = flags.token === undefined && own?.hub_url === hubUrl;
  const token = again ? undefined : await setupToken(invocation, flags.token);
  const ca = flags.ca === undefined ? undefined : resolve(surroundings.cwd, flags.ca);
  const progress = startProgress(invocation, `Joining ${hubUrl}`);
  const joined = await surroundings
    .join({
      home,
      hubUrl,
      ...(token === undefined ? {} : { token }),
      ask: (prompt) => showPrompt(invocation, prompt, progress),
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.kind === undefined ? {} : { kind: flags.kind }),
      ...(location === undefined ? {} : { location }),
      ...(namedLink ? { namedLink } : {}),
      replace: flags.replace === true,
      insecure: flags.insecure === true,
      ...(ca === undefined ? {} : { ca }),
      stop: interrupted,
      phase: progress.phase,
      say: (line) => {
        if (!invocation.json) progress.hold(() => invocation.out.line(line));
      },
    })
    .finally(progress.end);
  const { kind } = flags;
  const finished = await finishInit(invocation, { hubUrl, joined, kind, location, namedLink, desk });
  const { device_id, name, hostname } = joined;
  if (invocation.json) return printJson(invocation, { device_id, name, hostname, url: finished.url });
  const { name: asked } = flags;
  printJoined(invocation, plainValue(joined), { asked, finished, started: desk !== undefined });
}

/** A home that runs the hub was the first to join it. */
function tellOwnHub(invocation: Invocation, { device_id, name, hostname = "" }: HubFile): void {
  if (invocation.json) return printJson(invocation, { device_id, name, hostname, url: null });
  invocation.out.line("This home runs that hub itself, and has nothing to join. Start it: muster start");
}

/** A token or a kind has answered already, and a script has nobody to ask. */
function asksWhere({ surroundings, json }: Invocation, { token, kind, yes }: InitFlags): boolean {
  return surroundings.stdin.isTerminal && !json && yes !== true && token === undefined && kind === undefined;
}

/** Of root, with a service: the machine's; else this person's, or what MUSTER_HOME says. */
function homeFor(invocation: Invocation, { service }: InitFlags): string {
  const { environment, systemHome } = invocation.surroundings;
  const chosen = (environment["MUSTER_HOME"] ?? "") !== "";
  return service && !chosen && systemHome !== undefined ? systemHome.path : invocation.home;
}

interface Settings {
  hubUrl: string | undefined;
  location: string | undefined;
  /** What the device's own configuration says of named links. */
  namedLinks: boolean;
  path: string | null;
}

async function settingsOf(invocation: Invocation, flags: InitFlags): Promise<Settings> {
  const { values, path } = await invocation.surroundings.readConfig({
    home: invocation.home,
    ...configFile(invocation, flags.config),
  });
  const valueOf = (key: string): unknown => values.find((each) => each.key === key)?.value;
  const textOf = (key: string): string | undefined => {
    const value = valueOf(key);
    return typeof value === "string" ? value : undefined;
  };
  const namedLinks = valueOf("links.named") === true;
  return { hubUrl: textOf("hub.url"), location: textOf("location"), namedLinks, path };
}

/** A configuration that is there is the person's own and never changed: it has to say so itself. */
function refuseSilentConfig({ path, namedLinks }: Settings): void {
  if (path === null || namedLinks) return;
  throw new MusterError("usage", `--link named needs the word of this device's own configuration, ${path}`, {
    hint: "put `named = true` under [links] there, and run this again",
  });
}

function missingHub(): never {
  throw new MusterError("usage", "which hub? `muster init` needs its address", {
    hint: "muster init https://muster.example.com --token TOKEN",
  });
}

function printJoined(
  invocation: Invocation,
  joined: JoinResult,
  given: { asked: string | undefined; finished: Finished; started: boolean },
): void {
  const { out } = invocation;
  const { asked, finished, started } = given;
  const host = joined.hostname === "" ? "" : `, ${joined.hostname}`;
  const how = joined.before ? "Joined before as" : "Joined as";
  out.line(`${how} ${out.style("bold", joined.name)} (${joined.device_id}${host}).`);
  if (!joined.before && asked !== undefined && asked !== joined.name)
    out.line(`The name ${asked} was taken.`);
  if (joined.confirmed === false) {
    out.prose("It is unconfirmed: it publishes, and takes no command until a controller lets it in. There:");
    out.line(`  muster device approve ${joined.name}`);
  }
  for (const note of finished.notes) warn(invocation, note);
  if (finished.url !== null) out.line(`Reached at ${out.style("bold", finished.url)}`);
  else if (started) out.line("Connected. Publish a folder or a port: muster add ./site");
  else out.line(joined.before ? "If its agent does not run: muster agent" : "Bring it online: muster agent");
}

/** Undefined: a person is asked, in the hub's page. */
async function setupToken(invocation: Invocation, given: string | undefined): Promise<string | undefined> {
  if (given === undefined) {
    // A script has nobody who could read a code to.
    if (!invocation.json) return undefined;
    throw new MusterError("usage", "with --json, `muster init` needs --token", {
      hint: "make one on a machine that has joined: `muster device token`",
    });
  }
  const token = given === "-" ? (await readSecretText(invocation, { what: "token" })).trim() : given;
  // mst1_ and base64url of a pin, an invite number and a seed: 52 bytes or a few more.
  if (/^mst1_[A-Za-z0-9_-]{64,128}$/.test(token) || REGISTRATION_CODE.test(token)) return token;
  if (token.includes("mss1_")) {
    throw new MusterError("usage", "that token shares a device, and lets no machine in", {
      hint: "claim it as a person: muster device claim",
    });
  }
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
