// What a plugin is to the rest of the agent, however it is run.
import type { Log } from "../../protocol/log.ts";
import type { Clock, Network, Programs, Random, Timers } from "../../world/world.ts";
import type { Capability } from "../capabilities/capability.ts";
import type { Answerer } from "../queries/query-desk.ts";
import type { PluginManifest } from "./manifest.ts";
import type { PluginLeftovers } from "./plugin-leftovers.ts";

export interface Plugin {
  /** None while it does not run. */
  readonly capabilities: readonly Capability[];
  readonly queries: Readonly<Record<string, Answerer>>;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

export interface PluginParts {
  clock: Clock;
  timers: Timers;
  random: Pick<Random, "fraction">;
  network: Pick<Network, "fetch" | "fetchStream">;
  programs: Programs;
  log: Log;
  /** Told which processes run. */
  leftovers: Pick<PluginLeftovers, "began" | "ended">;
  /** What it gets; without anything of Muster's. */
  environment: Record<string, string>;
}

export interface PluginGiven {
  manifest: PluginManifest;
  /** Absolute. */
  folder: string;
  /** It offers something else than before. */
  changed(): void;
  /** Why it does not run, for the person here; undefined once it does. */
  trouble(text: string | undefined): void;
}

/** How long a plugin may be silent within a call before it is given up; who asks waits no longer by itself. */
export const CALL_SILENCE_MS = 120_000;
export const QUERY_TIMEOUT_MS = 60_000;
/** At once, of one plugin. */
export const PLUGIN_CALLS_MAX = 64;
