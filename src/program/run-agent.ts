// `muster agent`: only the agent of a home that has joined a hub; what the service unit runs.
import type { AgentOptions } from "../cli/surroundings.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { MusterError } from "../protocol/errors.ts";
import { configuredServices } from "./config/configured-services.ts";
import { loadConfig } from "./config/load-config.ts";
import { holdingHome } from "./hold-home.ts";
import { readHubFile } from "./home-state.ts";
import { openAgent } from "./open-agent.ts";
import { findRegistration, register, type Registration } from "./registration-file.ts";
import { joinHub } from "./join.ts";
import { openNotices } from "./service/open-notices.ts";
import type { ServiceNotices } from "./service/notify-manager.ts";
import { openHome, type Environment, type HomeParts } from "./parts.ts";
import { removalNote } from "./wipe-home.ts";
import { stoppingOn } from "./until-stopped.ts";

export function runAgent(options: AgentOptions, environment: Environment): Promise<void> {
  return holdingHome(options.home, "agent", () => runHere(options, environment));
}

async function runHere(options: AgentOptions, environment: Environment): Promise<void> {
  const config = await loadConfig(
    { ...options, environment },
    {
      "server.port": { flag: "--port", value: options.port },
      "server.host": { flag: "--host", value: options.host },
    },
  );
  // What is malformed is told before anything begins.
  const services = configuredServices({ config, environment, flags: options.services ?? [] });
  const parts = await openHome(options.home, environment, config);
  const notices = await openNotices(environment);
  const hubFile = await joinedHub(parts, options, { environment, notices });
  const stopping = stoppingOn(options.stop);
  const agent = await openAgent(parts, {
    hubFile,
    config,
    location: config.text("location"),
    namedLink: config.flag("links.named") === true,
    localHost: config.text("server.host"),
    localPort: config.number("server.port"),
    services,
    disabledFlags: options.disabled,
    forbiddenPorts: [],
    environment,
    onStopAsked: () => stopping.ask(),
  });
  notices.ready(`agent of ${hubFile.name}, hub ${hubFile.hub_url}`);
  options.ready({
    hub_url: hubFile.hub_url,
    device_id: hubFile.device_id,
    device_name: hubFile.name,
    pid: process.pid,
  });
  const reason = await stopping.reason;
  notices.stopping();
  await agent.stop(reason === "asked" ? "stop" : "leave");
}

/** What this home has joined; the first start of a machine joins with its registration file. */
async function joinedHub(
  parts: HomeParts,
  { home, stop }: AgentOptions,
  { environment, notices }: { environment: Environment; notices: ServiceNotices },
): Promise<HubFile> {
  const { world, paths, log } = parts;
  const known = await readHubFile(world.disk, paths);
  if (known !== undefined) return known;
  const registration = await findRegistration(world.disk, { home, cwd: process.cwd(), environment });
  if (registration !== undefined) {
    // The hub may be away for long, which is no reason to start this anew.
    notices.ready(`waits for the hub at ${registration.hubUrl}`);
    await register({ ...world, log, stop, join: joinWith(parts, { home, stop, environment }) }, registration);
  }
  const joined = registration === undefined ? undefined : await readHubFile(world.disk, paths);
  if (joined !== undefined) return joined;
  const removed = await removalNote(world.disk, paths);
  throw new MusterError("not_joined", removed ?? "this home has joined no hub", {
    hint: "join one: muster init HUB_URL --token TOKEN; or make this machine its own hub: muster start",
  });
}

function joinWith(
  parts: HomeParts,
  { home, stop, environment }: { home: string; stop: AbortSignal; environment: Environment },
): (registration: Registration) => Promise<void> {
  return async ({ hubUrl, token, name, ca }) => {
    const wish = { ...(name === undefined ? {} : { name }), ...(ca === undefined ? {} : { ca }) };
    const phase = (): void => {};
    const fixed = { replace: false, insecure: false };
    await joinHub(
      parts,
      { home, hubUrl, token: token.reveal(), ...wish, ...fixed, stop, phase, say: phase },
      environment,
    );
  };
}
