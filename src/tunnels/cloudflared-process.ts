// cloudflared under supervision on a device, for one named tunnel.
//
//   stopped ── start ──> starting ── a connection stands ──> connected ── it exits ──> waiting ── pause ──> starting
//                                     any of them ── configured from afar ──> reconfigured (ended for good)
//
// Cloudflare's remote configuration beats the local file, and whoever holds the account's token can send one. So the
// output and /config are watched, and at the first sign the child is killed, not asked: while it drains it serves.

import { MusterError } from "../protocol/errors.ts";
import type { Log } from "../protocol/log.ts";
import type { ChildProcess, Timer, World } from "../world/world.ts";
import { isReconfigured, parseCloudflaredLine, readyConnections } from "./cloudflared-output.ts";
import {
  cloudflaredArguments,
  cloudflaredConfig,
  cloudflaredEnvironment,
  GRACE_PERIOD_S,
} from "./cloudflared.ts";
import type { CloudflaredPlan } from "./cloudflared.ts";
import { FormerChild } from "./former-child.ts";
import { OutputTail } from "./output-tail.ts";

export const OUTPUT_EVERY_MS = 200;
export const HEALTH_EVERY_MS = 1_000;
const HEALTH_TIMEOUT_MS = 2_000;
const HEALTH_MAX_BYTES = 64 * 1024;
/** From its start to the line that tells its metrics port: without that nothing can be watched. */
export const START_TIMEOUT_MS = 20_000;
const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 60_000;
/** One that stood this long has its pause forgotten. */
const STEADY_AFTER_MS = 60_000;
/** A little more than its own grace period. */
const STOP_GRACE_MS = GRACE_PERIOD_S * 1000 + 2_000;
const POLL_MS = 50;
/** What the world's spawn answers for a program that isn't there. */
const NOT_FOUND = 127;

export type CloudflaredState =
  | { state: "stopped" }
  /** `reason` is why Cloudflare turned it away, if it did; it goes on asking. */
  | { state: "starting"; reason: string | null }
  | { state: "connected"; connections: number }
  /** Ended by itself; started again after a pause. */
  | { state: "waiting"; reason: string }
  /** Ended by us, and not started again until somebody says so. */
  | { state: "reconfigured"; error: MusterError };

export interface CloudflaredOptions {
  /** Path of the program. */
  program: string;
  /** A folder of its own, mode 0700: configuration, output, and who runs. */
  folder: string;
  plan: CloudflaredPlan;
  world: Pick<World, "clock" | "timers" | "random" | "network" | "disk" | "processes">;
  log: Log;
  /** Called on every change. */
  changed(state: CloudflaredState): void;
}

interface Running {
  child: ChildProcess;
  tail: OutputTail;
  startedAtMs: number;
  metricsPort: number | undefined;
  refusal: string | undefined;
  timers: Timer[];
}

/** The child that an earlier agent left in this folder, if it did. */
export function formerCloudflared(world: CloudflaredOptions["world"], folder: string): FormerChild {
  return new FormerChild(world, `${folder}/cloudflared.pid`);
}

export class CloudflaredProcess {
  readonly #options: CloudflaredOptions;
  readonly #former: FormerChild;
  #state: CloudflaredState = { state: "stopped" };
  #running: Running | undefined;
  #restart: Timer | undefined;
  #failures = 0;
  #wanted = false;

  constructor(options: CloudflaredOptions) {
    this.#options = options;
    this.#former = formerCloudflared(options.world, options.folder);
  }

  get state(): CloudflaredState {
    return this.#state;
  }

  /** Ends what an earlier agent left, writes the configuration and starts it. Rejects only when the disk does. */
  async start(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#failures = 0;
    try {
      const { world, folder, plan } = this.#options;
      await world.disk.makeFolder(folder);
      await this.#former.end();
      await world.disk.write(this.#configPath, cloudflaredConfig(plan));
      if (this.#wanted) await this.#spawn();
    } catch (error) {
      // Nothing runs: whoever asks again begins anew.
      if (this.#running === undefined) this.#wanted = false;
      throw error;
    }
  }

  /** Lets requests in flight finish for a moment. Resolves once nothing of it is left. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    this.#change({ state: "stopped" });
  }

  /** At once: what a revoked device does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
    this.#change({ state: "stopped" });
  }

  get #configPath(): string {
    return `${this.#options.folder}/cloudflared.yml`;
  }

  async #spawn(): Promise<void> {
    const { world, folder, program, plan } = this.#options;
    const outputPath = `${folder}/cloudflared.log`;
    await world.disk.write(outputPath, "");
    if (!this.#wanted) return;
    const child = world.processes.spawn({
      command: [program, ...cloudflaredArguments(this.#configPath, plan.tunnelId)],
      cwd: folder,
      environment: cloudflaredEnvironment(folder),
      outputPath,
      exited: (code, signal) => void this.#exited(child, signal ?? `code ${code}`, code),
    });
    const running: Running = {
      child,
      tail: new OutputTail(world.disk, outputPath),
      startedAtMs: world.clock.monotonic(),
      metricsPort: undefined,
      refusal: undefined,
      timers: [],
    };
    this.#running = running;
    this.#change({ state: "starting", reason: null });
    running.timers.push(
      this.#watch(OUTPUT_EVERY_MS, () => this.#lookAtOutput(running)),
      this.#watch(HEALTH_EVERY_MS, () => this.#lookAtHealth(running)),
    );
    await this.#former.remember(child.pid);
  }

  /** One look at a time; one that fails says so and the next goes on. */
  #watch(everyMs: number, look: () => Promise<void>): Timer {
    let looking = false;
    return this.#options.world.timers.every(everyMs, () => {
      if (looking) return;
      looking = true;
      look()
        .catch((error: unknown) => this.#options.log.warn("cloudflared could not be watched", { error }))
        .finally(() => {
          looking = false;
        });
    });
  }

  async #lookAtOutput(running: Running): Promise<void> {
    for (const line of await running.tail.look()) {
      this.#options.log.debug("cloudflared says", { line: line.slice(0, 512) });
      const event = parseCloudflaredLine(line);
      if (this.#running !== running || event === undefined) continue;
      switch (event.type) {
        case "metrics":
          running.metricsPort = event.port;
          break;
        case "reconfigured":
          await this.#reconfigured();
          return;
        case "refused":
          running.refusal = event.reason;
          break;
        case "registered":
        case "unregistered":
          // /ready counts them; asked at once so that a change shows at once.
          await this.#lookAtHealth(running);
          break;
      }
    }
  }

  async #lookAtHealth(running: Running): Promise<void> {
    const { world } = this.#options;
    const { metricsPort: port } = running;
    if (port === undefined) {
      const late = world.clock.monotonic() - running.startedAtMs > START_TIMEOUT_MS;
      if (late && this.#running === running) running.child.signal("SIGKILL");
      return;
    }
    const config = await this.#ask(port, "/config");
    if (this.#running !== running) return;
    if (isReconfigured(config.status, config.body) === true) {
      await this.#reconfigured();
      return;
    }
    const ready = await this.#ask(port, "/ready");
    if (this.#running !== running) return;
    const connections = readyConnections(ready.status, ready.body);
    if (connections > 0) running.refusal = undefined;
    const reason = running.refusal ?? null;
    this.#change(connections > 0 ? { state: "connected", connections } : { state: "starting", reason });
  }

  /** Status 0 when there is no answer. */
  async #ask(port: number, path: string): Promise<{ status: number; body: string }> {
    const { network, timers } = this.#options.world;
    const cancel = new AbortController();
    const timer = timers.after(HEALTH_TIMEOUT_MS, () => cancel.abort());
    try {
      const response = await network.fetch(`http://127.0.0.1:${port}${path}`, { signal: cancel.signal });
      let body = "";
      for await (const chunk of response.body ?? []) {
        body += Buffer.from(chunk).toString("latin1");
        if (body.length > HEALTH_MAX_BYTES) return { status: 0, body: "" };
      }
      return { status: response.status, body };
    } catch {
      // It is on its way up, or down; its exit tells the rest.
      return { status: 0, body: "" };
    } finally {
      timer.cancel();
    }
  }

  async #reconfigured(): Promise<void> {
    const error = new MusterError(
      "tunnel_reconfigured",
      "somebody configured this device's tunnel from Cloudflare's side; it was ended",
      { hint: "find out who uses the hub's Cloudflare token, then: muster device rotate NAME" },
    );
    this.#options.log.error("tunnel_reconfigured", { tunnel: this.#options.plan.tunnelId });
    // Dead first; the rest is bookkeeping.
    this.#running?.child.signal("SIGKILL");
    await this.#end("SIGKILL");
    this.#change({ state: "reconfigured", error });
  }

  async #exited(child: ChildProcess, how: string, code: number | null): Promise<void> {
    const running = this.#running;
    if (running === undefined || running.child !== child) return;
    // Its last words may be that it was configured from afar, or why it was turned away.
    await this.#lookAtOutput(running).catch(() => {});
    if (this.#running !== running) return;
    this.#leave(running);
    const { world, log } = this.#options;
    const stoodMs = world.clock.monotonic() - running.startedAtMs;
    if (stoodMs > STEADY_AFTER_MS) this.#failures = 0;
    this.#failures += 1;
    const said = running.refusal === undefined ? "" : ` (${running.refusal})`;
    const reason = code === NOT_FOUND ? "cloudflared not found" : `cloudflared ended with ${how}${said}`;
    log.warn("cloudflared ended", { how, refusal: running.refusal, failures: this.#failures });
    this.#change({ state: "waiting", reason });
    this.#startLater();
  }

  /** After a pause that grows, and again where even that fails: a disk may be full for a while. */
  #startLater(): void {
    const { world, log } = this.#options;
    const stepMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** Math.min(this.#failures - 1, 16));
    const pauseMs = stepMs * (0.5 + 0.5 * world.random.fraction());
    this.#restart = world.timers.after(pauseMs, () => {
      this.#spawn().catch((error: unknown) => {
        log.error("cloudflared could not be started", { error });
        if (!this.#wanted || this.#running !== undefined) return;
        this.#failures += 1;
        this.#change({ state: "waiting", reason: String(error) });
        this.#startLater();
      });
    });
  }

  #leave(running: Running): void {
    for (const timer of running.timers) timer.cancel();
    this.#running = undefined;
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#wanted = false;
    this.#restart?.cancel();
    const running = this.#running;
    if (running === undefined) return;
    this.#leave(running);
    const { clock, processes, timers } = this.#options.world;
    running.child.signal(signal);
    const killAtMs = clock.monotonic() + STOP_GRACE_MS;
    while (processes.groupAlive(running.child.pid)) {
      if (clock.monotonic() >= killAtMs) running.child.signal("SIGKILL");
      await new Promise<void>((resolve) => timers.after(POLL_MS, resolve));
    }
    await this.#former.forget();
  }

  #change(state: CloudflaredState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#options.changed(state);
  }
}
