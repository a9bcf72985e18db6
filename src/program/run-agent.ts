// `muster agent`: only the agent of a home that has joined a hub; what the service unit runs.
import type { AgentOptions } from "../cli/surroundings.ts";
import { MusterError } from "../protocol/errors.ts";
import { loadConfig } from "./config/load-config.ts";
import { readHubFile } from "./home-state.ts";
import { openAgent } from "./open-agent.ts";
import { openHome, type Environment } from "./parts.ts";
import { stoppingOn } from "./until-stopped.ts";

export async function runAgent(options: AgentOptions, environment: Environment): Promise<void> {
  const config = await loadConfig(
    { ...options, environment },
    {
      "server.port": { flag: "--port", value: options.port },
      "server.host": { flag: "--host", value: options.host },
    },
  );
  const parts = await openHome(options.home, environment, config);
  const hubFile = await readHubFile(parts.world.disk, parts.paths);
  if (hubFile === undefined) {
    throw new MusterError("not_joined", "this home has joined no hub", {
      hint: "join one: muster init HUB_URL --token TOKEN; or make this machine its own hub: muster start",
    });
  }
  const stopping = stoppingOn(options.stop);
  const agent = await openAgent(parts, {
    hubFile,
    localHost: config.text("server.host"),
    localPort: config.number("server.port"),
    forbiddenPorts: [],
    environment,
    onStopAsked: () => stopping.ask(),
  });
  options.ready({
    hub_url: hubFile.hub_url,
    device_id: hubFile.device_id,
    device_name: hubFile.name,
    pid: process.pid,
  });
  const reason = await stopping.reason;
  await agent.stop(reason === "asked" ? "stop" : "leave");
}
