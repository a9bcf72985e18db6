// `muster upgrade` for real: this program's file, this home's hub and agent.
import { realpath } from "node:fs/promises";
import type { ReleaseOffer, UpgradeOptions } from "../../cli/surroundings.ts";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { MusterError } from "../../protocol/errors.ts";
import { isReleasePlatform } from "../../protocol/release.ts";
import { platformName } from "../../world/machine.ts";
import { realWorld } from "../../world/real.ts";
import { isCompiled } from "../compiled.ts";
import { directFetch } from "../direct-fetch.ts";
import { homePaths } from "../home-paths.ts";
import { readHubFile } from "../home-state.ts";
import type { Environment } from "../parts.ts";
import { VERSION } from "../version.ts";
import { wayTo } from "../way-to.ts";
import { agentControl } from "./agent-control.ts";
import { buildFacts } from "./build-facts.ts";
import { askOffer, takeOffer, type UpgradeParts } from "./upgrade.ts";

export async function releaseOffer(options: UpgradeOptions, environment: Environment): Promise<ReleaseOffer> {
  const { home, stop, phase } = options;
  const platform = upgradable();
  const { clock, timers, disk, network, random } = realWorld;
  const hub = await readHubFile(disk, homePaths(home));
  if (hub === undefined) {
    throw new MusterError("not_joined", "this home has joined no hub, so nobody offers it a new version", {
      hint: "join one: `muster init HUB_URL`",
    });
  }
  const way = wayTo(hub.hub_url, { ca: hub.ca, environment });
  // The link that people call it by stays; what it names is replaced.
  const path = await realpath(process.execPath);
  const parts: UpgradeParts = {
    crypto: nodeCrypto((length) => random.bytes(length)),
    clock,
    timers,
    source: { fetch: (url, init) => network.fetch(url, init, way), hubUrl: hub.hub_url, stop },
    program: { version: VERSION, platform, path, build: buildFacts },
    agent: agentControl({ home, path, environment, fetch: directFetch }),
    phase,
  };
  const { state, manifest } = await askOffer(parts);
  return {
    state,
    running: VERSION,
    offered: manifest.version,
    released_at: manifest.released_at,
    hub_url: hub.hub_url,
    take: async () => ({ restarted: (await takeOffer(parts, manifest)).restarted }),
  };
}

function upgradable() {
  if (!isCompiled) {
    throw new MusterError("upgrade_refused", "this program runs from a checkout", {
      hint: "update that: `git pull`, then `muster stop` and `muster start`",
    });
  }
  const platform = platformName();
  if (!isReleasePlatform(platform)) {
    throw new MusterError("upgrade_refused", `there are no releases for ${platform}`);
  }
  if (platform.startsWith("windows-")) {
    throw new MusterError("upgrade_refused", "on Windows a running program can't be replaced", {
      hint: "stop it and download the new one from the hub: HUB/download/windows-x86_64",
    });
  }
  return platform;
}
