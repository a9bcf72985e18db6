// `muster service …`: the agent as this machine keeps it running. Where nothing does (a container, WSL 1), it is
// a plain background process, and every command says so.

import { MusterError } from "../../protocol/errors.ts";
import { ago, shortDuration } from "../durations.ts";
import { hubOptions, type HubFlags } from "../hub-flags.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { findAgent } from "../local-api.ts";
import { joinedHub, lookAround, type Overview } from "../overview.ts";
import { plainLine, stripControl } from "../plain-text.ts";
import { startProgress } from "../progress.ts";
import { startInBackground } from "../start-in-background.ts";
import { stopAgent } from "../stop-agent.ts";
import type { ServiceDesk, ServiceView } from "../surroundings.ts";

export async function serviceStatus(invocation: Invocation): Promise<void> {
  const desk = await open(invocation);
  const service = await desk.state();
  const search = await findAgent(invocation);
  const overview = await lookAround(invocation);
  const pid = search.state === "running" ? search.agent.pid : (service?.pid ?? null);
  const facts = {
    installed: service !== undefined,
    manager: service?.manager ?? null,
    scope: service?.scope ?? null,
    state: service?.state ?? (pid === null ? "stopped" : "running"),
    pid,
    since: service?.since ?? null,
    hub: { url: overview.hub.url, state: overview.hub.state, since: overview.hub.since },
    address: addressOf(overview),
    proof: lastProof(overview),
  };
  if (invocation.json) return printJson(invocation, facts);
  const { out, surroundings } = invocation;
  const now = surroundings.clock.now();
  const since = (at: string | null): string =>
    at === null ? "" : ` for ${shortDuration(now - Date.parse(at))}`;
  const running = facts.state === "running";
  const process = pid === null ? "" : ` (process ${pid})`;
  out.line(
    `${out.style(running ? "green" : "red", running ? "running" : facts.state)}${since(facts.since)}${process}, ` +
      keeperOf(desk, service),
  );
  const { hub } = facts;
  out.line(
    hub.url === null ? "it has joined no hub" : plainLine(`hub: ${hub.url}, ${hub.state}${since(hub.since)}`),
  );
  if (facts.address !== null) out.line(`address: ${plainLine(facts.address)}`);
  if (facts.proof !== null) {
    const { name, proof } = facts.proof;
    const age = proof.checked_at === null ? "" : `, ${ago(proof.checked_at, now)}`;
    out.line(plainLine(`last proof: ${name} ${proof.state}${age}`));
  }
  if (!running) out.line("Start it: muster service start");
}

export async function serviceTurn(invocation: Invocation, verb: "start" | "stop" | "restart"): Promise<void> {
  const desk = await open(invocation);
  const service = await desk.state();
  const address = verb === "stop" ? addressOf(await lookAround(invocation)) : null;
  if (service === undefined && desk.absent === null && verb !== "stop") throw await notInstalled(invocation);
  if (verb !== "start") await end(invocation, { desk, service, restart: verb === "restart" });
  if (service === undefined && verb !== "stop") {
    const { state } = await findAgent(invocation);
    if (state !== "running") await startInBackground(invocation, { tunnel: true });
    warn(invocation, plainProcess(desk));
  } else if (verb === "start") await desk.start();
  const after = await desk.state();
  if (invocation.json) return printJson(invocation, { state: after?.state ?? verb, pid: after?.pid ?? null });
  if (verb !== "stop") return invocation.out.line(verb === "start" ? "Started." : "Restarted.");
  const offline =
    address === null ? "Stopped; this device is offline" : `Stopped; ${plainLine(address)} is offline`;
  invocation.out.line(`${offline} until you start it again: muster service start`);
}

export async function serviceLogs(
  invocation: Invocation,
  flags: { follow?: true | undefined; lines: number },
): Promise<void> {
  const { surroundings, interrupted } = invocation;
  const shown = surroundings.stdout.isTerminal ? cleanLines : (text: string) => text;
  await (
    await open(invocation)
  ).logs({
    lines: flags.lines,
    follow: flags.follow === true,
    write: (text) => invocation.out.write(shown(text)),
    signal: interrupted,
  });
}

export interface InstallFlags extends HubFlags {
  hub?: true | undefined;
}

const OF_HUBS = {
  port: "--port",
  host: "--host",
  domain: "--domain",
  cert: "--cert",
  key: "--key",
  behindProxy: "--behind-proxy",
  insecure: "--insecure",
} as const satisfies Record<keyof HubFlags, string>;

export async function serviceInstall(invocation: Invocation, flags: InstallFlags): Promise<void> {
  if (flags.hub === true) return installHub(invocation, flags);
  // Its keys are those of the table.
  const foreign = (Object.keys(OF_HUBS) as (keyof HubFlags)[]).find((name) => flags[name] !== undefined);
  if (foreign !== undefined) throw new MusterError("usage", `${OF_HUBS[foreign]} is for --hub`);
  const joined = await joinedHub(invocation);
  if (joined === undefined) {
    throw new MusterError("not_joined", "this home has joined no hub", {
      hint: "join one: muster init HUB_URL",
    });
  }
  const installed = await installAgent(invocation, await open(invocation));
  if (invocation.json) return printJson(invocation, installed);
  invocation.out.line(installed.changed ? "Installed and running." : "Installed and running already.");
  for (const note of installed.notes) warn(invocation, note);
}

/** The service where there can be one, else a background process; what a person must know comes along. */
export async function installAgent(
  invocation: Invocation,
  desk: ServiceDesk,
): Promise<{ changed: boolean; notes: string[] }> {
  if (desk.absent === null) {
    const progress = startProgress(invocation, "Installing the service");
    try {
      return await desk.install(progress.phase);
    } finally {
      progress.end();
    }
  }
  if ((await findAgent(invocation)).state === "running") return { changed: false, notes: [] };
  await startInBackground(invocation, { tunnel: true });
  return { changed: true, notes: [plainProcess(desk)] };
}

async function installHub(invocation: Invocation, flags: InstallFlags): Promise<void> {
  const options = hubOptions(invocation, flags);
  const { changed, home } = await (await open(invocation)).installHub(options);
  if (invocation.json) return printJson(invocation, { changed, home });
  invocation.out.line(
    changed ? "The hub's service is installed and running." : "The hub's service runs already.",
  );
  invocation.out.line(`Sign in: MUSTER_HOME=${home} muster hub login-link`);
}

/** The agent is asked first, so that its apps end with it; then whoever keeps it running lets go of it. */
async function end(
  invocation: Invocation,
  { desk, service, restart }: { desk: ServiceDesk; service: ServiceView | undefined; restart: boolean },
): Promise<void> {
  if (restart && service !== undefined) return desk.restart();
  const search = await findAgent(invocation);
  if (search.state === "running") await stopAgent(invocation, search.agent);
  if (service !== undefined) await desk.stop();
}

function open({ surroundings, home }: Invocation): Promise<ServiceDesk> {
  return surroundings.openService(home);
}

function keeperOf(desk: ServiceDesk, service: ServiceView | undefined): string {
  if (service !== undefined) return `kept by ${service.manager} (${service.scope})`;
  return desk.absent === null ? "not installed as a service" : `a plain process: ${desk.absent}`;
}

function plainProcess(desk: ServiceDesk): string {
  return `${desk.absent ?? "no service is installed"}; the agent is a plain background process and does not start at boot`;
}

async function notInstalled(invocation: Invocation): Promise<MusterError> {
  const joined = (await joinedHub(invocation)) !== undefined;
  return new MusterError("not_found", "no service of this home is installed", {
    hint: joined ? "install it: muster service install" : "join a hub: muster init HUB_URL",
  });
}

/** Where this device is reached, null where its hub has no domain. */
function addressOf({ hub, device, devices }: Overview): string | null {
  const host = devices?.find((each) => each.id === device.id)?.hostname ?? "";
  if (host === "" || hub.url === null) return null;
  // Scheme and port are those of the hub: both are behind the same door.
  const address = new URL("/", hub.url);
  address.hostname = host;
  return address.href;
}

/** The latest of this device's shares. */
function lastProof({
  device,
  shares,
}: Overview): { name: string; proof: Overview["shares"][number]["proof"] } | null {
  const proved = shares
    .filter((share) => share.device_id === device.id && share.proof.checked_at !== null)
    .toSorted((a, b) => ((a.proof.checked_at ?? "") < (b.proof.checked_at ?? "") ? 1 : -1));
  const [latest] = proved;
  return latest === undefined ? null : { name: latest.name, proof: latest.proof };
}

function cleanLines(text: string): string {
  return text.split("\n").map(stripControl).join("\n");
}
