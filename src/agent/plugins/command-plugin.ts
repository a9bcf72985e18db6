// A plugin that is a program of this machine: started with the agent, started again when it ends, ever later the more
// often it does. What it offers is there only while it runs.
import { backOffMs } from "../../client/back-off.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Timer } from "../../world/world.ts";
import type { Capability } from "../capabilities/capability.ts";
import type { Answerer } from "../queries/query-desk.ts";
import type { PluginManifest } from "./manifest.ts";
import type { Plugin, PluginGiven, PluginParts } from "./plugin.ts";
import { PluginProcess } from "./plugin-process.ts";

const BACK_OFF = { firstMs: 1000, mostMs: 60_000 } as const;
/** Having run for so long, it counts as well again. */
const STEADY_MS = 60_000;
/** Ended so often in a row, the person here is told. */
const TELL_AFTER = 2;

export class CommandPlugin implements Plugin {
  readonly #parts: PluginParts;
  readonly #given: PluginGiven;
  readonly #command: readonly string[];
  readonly #offered: readonly Capability[];
  readonly #answers: Readonly<Record<string, Answerer>>;
  #process: PluginProcess | undefined;
  #isReady = false;
  #isStopped = false;
  #failures = 0;
  #again: Timer | undefined;
  #readyAtMs = 0;

  constructor(parts: PluginParts, given: PluginGiven, command: readonly string[]) {
    this.#parts = parts;
    this.#given = given;
    this.#command = inFolder(command, given.folder);
    this.#offered = this.#offers(given.manifest);
    this.#answers = Object.fromEntries(
      given.manifest.queries.map((name) => [name, (params: unknown) => this.#running().query(name, params)]),
    );
    this.#start();
  }

  get capabilities(): readonly Capability[] {
    return this.#isReady ? this.#offered : [];
  }

  get queries(): Readonly<Record<string, Answerer>> {
    return this.#isReady ? this.#answers : {};
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#isReady = false;
    this.#again?.cancel();
    await this.#process?.stop();
  }

  #offers({ capabilities }: PluginManifest): Capability[] {
    return capabilities.map(({ protocol, version, class: kind, models }) => ({
      offer: { protocol, version, class: kind, ...(models.length === 0 ? {} : { models: [...models] }) },
      audience: "members",
      call: (request, answer) => this.#running().call({ protocol, version }, request, answer),
    }));
  }

  #running(): PluginProcess {
    if (this.#process !== undefined && this.#isReady) return this.#process;
    throw new MusterError("unavailable", `the plugin ${this.#given.manifest.name} does not run now`);
  }

  #start(): void {
    const { log, clock } = this.#parts;
    const { name } = this.#given.manifest;
    try {
      this.#process = new PluginProcess(this.#parts, {
        name,
        command: this.#command,
        folder: this.#given.folder,
        ready: () => {
          if (this.#isStopped) return;
          this.#isReady = true;
          this.#readyAtMs = clock.monotonic();
          log.info("a plugin runs", { plugin: name });
          this.#given.trouble(undefined);
          this.#given.changed();
        },
        ended: (reason) => this.#ended(reason),
      });
    } catch (error) {
      this.#ended(error instanceof Error ? error.message : "it can't be started");
    }
  }

  #ended(reason: string): void {
    const { clock, log, random, timers } = this.#parts;
    const wasReady = this.#isReady;
    this.#process = undefined;
    this.#isReady = false;
    if (this.#isStopped) return;
    const wasSteady = wasReady && clock.monotonic() - this.#readyAtMs >= STEADY_MS;
    this.#failures = wasSteady ? 1 : this.#failures + 1;
    const waitMs = backOffMs(this.#failures, random.fraction(), BACK_OFF);
    log.warn("a plugin ended", { plugin: this.#given.manifest.name, reason, again_in_ms: waitMs });
    if (this.#failures >= TELL_AFTER || !wasReady)
      this.#given.trouble(`it keeps ending, and is started again: ${reason}`);
    if (wasReady) this.#given.changed();
    this.#again = timers.after(waitMs, () => this.#start());
  }
}

/** `./serve` is the plugin's own file; a bare word is looked up as a shell does. */
function inFolder([program = "", ...rest]: readonly string[], folder: string): readonly string[] {
  const isOwn = program.includes("/") && !program.startsWith("/");
  return [isOwn ? `${folder}/${program}` : program, ...rest];
}
