// `muster start`: this machine's agent, in the background or here; `muster start APP`: one app. Started means
// reachable: the command returns once the agent answers, and says the same when it ran before.

import { MusterError } from "../../protocol/errors.ts";
import { readServiceEntry } from "../../protocol/service-entry.ts";
import { configFile } from "../config-file.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { isLoopbackUrl } from "../hub-url.ts";
import { findAgent } from "../local-api.ts";
import { joinedHub } from "../overview.ts";
import { plainValue } from "../plain-text.ts";
import { portFromEnvironment } from "../port.ts";
import type { HubAddress, StartFacts } from "../surroundings.ts";
import { BACKGROUND, factsOf, startInBackground } from "../start-in-background.ts";
import { startApp } from "./apps.ts";

export interface StartFlags {
  port?: number | undefined;
  host?: string | undefined;
  tunnel: boolean;
  foreground?: true | undefined;
  config?: string | undefined;
  service?: string[] | undefined;
  disableCapability?: string[] | undefined;
}

export async function start(
  invocation: Invocation,
  app: string | undefined,
  flags: StartFlags,
): Promise<void> {
  if (app !== undefined) return startOneApp(invocation, app, flags);
  const search = await findAgent(invocation);
  if (search.state === "running") {
    if (flags.foreground === true) {
      throw new MusterError(
        "agent_running",
        `the agent of this home runs already (process ${search.agent.pid})`,
        {
          hint: "stop it first: `muster stop`",
        },
      );
    }
    const facts = await factsOf(invocation, search.agent);
    await checkPort(invocation, flags.port, facts);
    checkServices(flags.service);
    checkDisabled(flags.disableCapability);
    return printStarted(invocation, facts, "Running already");
  }
  const address = {
    ...addressOf(invocation, flags),
    ...configFile(invocation, flags.config),
    ...(flags.service === undefined ? {} : { services: flags.service }),
    ...(flags.disableCapability === undefined ? {} : { disabled: flags.disableCapability }),
  };
  if (flags.foreground === true) {
    const { surroundings, home, interrupted } = invocation;
    const inBackground = surroundings.environment[BACKGROUND] === "1";
    const ready = (facts: StartFacts): void => {
      if (inBackground) return;
      printServices(invocation, flags.service);
      printStarted(invocation, facts, "Server started");
    };
    return surroundings.runStart({ home, ...address, tunnel: flags.tunnel, stop: interrupted, ready });
  }
  const started = await startInBackground(invocation, { ...address, tunnel: flags.tunnel });
  printServices(invocation, flags.service);
  printStarted(invocation, started.facts, "Server started");
  if (started.warning !== undefined) warn(invocation, started.warning);
}

function startOneApp(invocation: Invocation, app: string, flags: StartFlags): Promise<void> {
  const foreign = flags.port !== undefined ? "--port" : flags.host !== undefined ? "--host" : undefined;
  const own = flags.service === undefined ? foreign : "--service";
  const flag = flags.foreground === true ? "--foreground" : own;
  if (flag === undefined) return startApp(invocation, app);
  throw new MusterError("usage", `${flag} is for starting this machine, not the app "${app}"`, {
    hint: `leave out ${flag}, or the app`,
  });
}

/** Asking for another port than the one in use is not what `start` did. */
async function checkPort(invocation: Invocation, port: number | undefined, facts: StartFacts): Promise<void> {
  if (port === undefined || port === 0 || !URL.canParse(facts.hub_url)) return;
  if ((await joinedHub(invocation))?.embedded !== true || !isLoopbackUrl(facts.hub_url)) return;
  const used = Number(new URL(facts.hub_url).port);
  if (used === port) return;
  throw new MusterError("agent_running", `already running at ${facts.hub_url}, not on port ${port}`, {
    hint: `\`muster stop\`, then \`muster start --port ${port}\``,
  });
}

/** Services are read when an agent starts. */
function checkServices(services: string[] | undefined): void {
  if (services === undefined) return;
  throw new MusterError(
    "agent_running",
    "the agent of this home runs already, with the services it was given",
    {
      hint: "`muster stop`, then start it again with --service; or name them under [services] in muster.toml",
    },
  );
}

/** As are what it offers. */
function checkDisabled(disabled: string[] | undefined): void {
  if (disabled === undefined) return;
  throw new MusterError("agent_running", "the agent of this home runs already, with all that it offers", {
    hint: "`muster stop`, then start it again; or name it under disable_capabilities in muster.toml",
  });
}

/** What nobody said of them. */
function printServices({ json, out }: Invocation, services: readonly string[] = []): void {
  if (json) return;
  for (const text of services) {
    const entry = readServiceEntry(text);
    if ("problem" in entry || entry.knownFor === undefined) continue;
    const { name, port, knownFor } = entry;
    out.line(
      out.style(
        "dim",
        `Service ${name} is tcp, as port ${port} is known for ${knownFor}; else say ${name}:${port}/http`,
      ),
    );
  }
}

function addressOf({ surroundings }: Invocation, flags: StartFlags): HubAddress {
  const port = flags.port ?? portFromEnvironment(surroundings.environment);
  return {
    ...(port === undefined ? {} : { port }),
    ...(flags.host === undefined ? {} : { host: flags.host }),
  };
}

function printStarted(invocation: Invocation, facts: StartFacts, headline: string): void {
  if (invocation.json) {
    const { hub_url, login_url, device_id, device_name, pid } = facts;
    return printJson(invocation, { hub_url, login_url, device_id, device_name, pid });
  }
  const { hub_url, lan_url, login_url, device_name } = plainValue(facts);
  const { out } = invocation;
  const local = lan_url === undefined && isLoopbackUrl(hub_url);
  out.line(`${headline}: ${out.style("bold", lan_url ?? hub_url)}${local ? " (local)" : ""}`);
  out.line(`This device: ${device_name}`);
  if (login_url === null) out.line("Publish a folder or a port: muster add ./site");
  else out.line(`Open ${out.style("bold", login_url)} to sign in`);
}
