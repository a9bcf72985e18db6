// A child outlives an agent that is killed. Who runs is therefore on disk, and the next agent ends it: by pid and
// start mark together, for a pid alone may be somebody else's by now.

import type { World } from "../world/world.ts";
import { isRecord } from "./cloudflare/envelope.ts";

const END_WITHIN_MS = 5_000;
const POLL_MS = 50;
const FILE_MAX_BYTES = 1024;

export class FormerChild {
  readonly #world: Pick<World, "clock" | "timers" | "disk" | "processes">;
  readonly #path: string;

  constructor(world: Pick<World, "clock" | "timers" | "disk" | "processes">, path: string) {
    this.#world = world;
    this.#path = path;
  }

  async remember(pid: number): Promise<void> {
    const mark = this.#world.processes.startMark(pid);
    if (mark !== undefined) await this.#world.disk.write(this.#path, JSON.stringify({ pid, mark }));
  }

  async forget(): Promise<void> {
    if ((await this.#world.disk.info(this.#path)) !== undefined) await this.#world.disk.remove(this.#path);
  }

  /** Kills what is remembered, when it is still the same process, and waits until it is gone. */
  async end(): Promise<void> {
    const { clock, timers, processes } = this.#world;
    const former = await this.#read();
    if (former !== undefined && processes.startMark(former.pid) === former.mark) {
      processes.signalGroup(former.pid, "SIGKILL");
      const untilMs = clock.monotonic() + END_WITHIN_MS;
      while (processes.groupAlive(former.pid) && clock.monotonic() < untilMs) {
        await new Promise<void>((resolve) => timers.after(POLL_MS, resolve));
      }
    }
    await this.forget();
  }

  async #read(): Promise<{ pid: number; mark: string } | undefined> {
    const info = await this.#world.disk.info(this.#path);
    if (info === undefined || info.size > FILE_MAX_BYTES) return undefined;
    try {
      const content: unknown = JSON.parse(Buffer.from(await this.#world.disk.read(this.#path)).toString());
      if (!isRecord(content)) return undefined;
      const { pid, mark } = content;
      return typeof pid === "number" && typeof mark === "string" ? { pid, mark } : undefined;
    } catch {
      // Half written when the machine went down: nothing is known of the child.
      return undefined;
    }
  }
}
