// `muster start`: this machine's agent, and a hub in the same process where the home has joined none.
import type { HubOptions, StartOptions } from "../cli/surroundings.ts";
import type { Agent } from "../agent/agent.ts";
import { BRIEF, PATIENT } from "../trunk/drain.ts";
import { configuredServices } from "./config/configured-services.ts";
import { loadConfig } from "./config/load-config.ts";
import type { Config, Flags } from "./config/read-config.ts";
import { holdingHome } from "./hold-home.ts";
import { readHubFile } from "./home-state.ts";
import { openAgent } from "./open-agent.ts";
import { openHub, type OpenedHub } from "./open-hub.ts";
import { openNotices } from "./service/open-notices.ts";
import { openHome, type Environment, type HomeParts } from "./parts.ts";
import { stoppingOn } from "./until-stopped.ts";

/** Loopback alone, in both families, unless --host says otherwise. */
const LOOPBACK = ["127.0.0.1", "::1"];

export function runStart(options: StartOptions, environment: Environment): Promise<void> {
  return holdingHome(options.home, "agent", () => runHere(options, environment));
}

/** Whoever interrupts it while it starts waits for no more of that than for the step it is at. */
async function runHere(options: StartOptions, environment: Environment): Promise<void> {
  const { stop } = options;
  stop.throwIfAborted();
  const config = await loadConfig({ ...options, environment }, hubFlags(options));
  // What is malformed is told before anything begins.
  const services = configuredServices({ config, environment, flags: options.services ?? [] });
  const parts = await openHome(options.home, environment, config);
  const notices = await openNotices(environment);
  const joined = await readHubFile(parts.world.disk, parts.paths);
  stop.throwIfAborted();
  const own = joined === undefined || joined.embedded;
  const { hub, hubFile, losses } = own
    ? await ownHub(parts, config, environment)
    : { hub: undefined, hubFile: joined, losses: [] };
  const stopping = stoppingOn(stop);
  let agent: Agent | undefined;
  let reason: "asked" | "signal" = "asked";
  try {
    stop.throwIfAborted();
    agent = await openAgent(parts, {
      hubFile,
      config,
      location: config.text("location"),
      namedLink: config.flag("links.named") === true,
      localHost: config.text("server.host"),
      localPort: config.number("server.port"),
      services,
      disabledFlags: options.disabled,
      forbiddenPorts: hub === undefined ? [] : [hub.port],
      environment,
      losses,
      onStopAsked: () => stopping.ask(),
    });
    notices.ready(`agent of ${hubFile.name}, hub ${hubFile.hub_url}`);
    options.ready({
      hub_url: hubFile.hub_url,
      ...(hubFile.lan_url === undefined ? {} : { lan_url: hubFile.lan_url }),
      login_url: (await hub?.loginLink(false)) ?? null,
      device_id: hubFile.device_id,
      device_name: hubFile.name,
      pid: process.pid,
    });
    reason = await stopping.reason;
    notices.stopping();
  } finally {
    // First the hub, which waits for requests in flight: this agent answers some of them.
    await hub?.close(reason === "asked" ? BRIEF : PATIENT);
    await agent?.stop(reason === "asked" ? "stop" : "leave");
  }
}

function ownHub(parts: HomeParts, config: Config, environment: Environment): Promise<OpenedHub> {
  const host = config.text("hub.host");
  return openHub(parts, {
    hosts: host === undefined ? LOOPBACK : hostsFor(host),
    config,
    environment,
    insecure: false,
    guests: true,
    namedLinksUnset: "debug",
  });
}

/** What the command line says of a hub, as settings. */
export function hubFlags(
  options: Pick<HubOptions, "port" | "host" | "domain" | "tls" | "behindProxy">,
): Flags {
  return {
    "hub.port": { flag: "--port", value: options.port },
    "hub.host": { flag: "--host", value: options.host },
    "hub.domain": { flag: "--domain", value: options.domain },
    "hub.cert": { flag: "--cert", value: options.tls?.cert },
    "hub.key": { flag: "--key", value: options.tls?.key },
    "hub.trusted_proxy": { flag: "--behind-proxy", value: options.behindProxy },
  };
}

/** Loopback goes with it: the agent and the page of this machine stay where they are. */
export function hostsFor(host: string): string[] {
  return host === "0.0.0.0"
    ? [host, "::1"]
    : host === "127.0.0.1" || host === "::"
      ? [host]
      : [host, ...LOOPBACK];
}
