// Keeps this device's copies of owner logs level with what the hub shows. What could not be taken, for a full disk, an
// answer that did not come, or an entry whose predecessors are missing, is asked for again while the session lasts: it
// may be the entry that takes a key out.
import { publicError, type ErrorCode } from "../protocol/errors.ts";
import type { HubMessage } from "../protocol/messages.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import type { Timer, Timers } from "../world/world.ts";
import type { HubPort } from "./hub-port.ts";
import type { ObeyedLogs } from "./obeyed-logs.ts";

export interface LogFollowerParts {
  timers: Pick<Timers, "after">;
  hub: Pick<HubPort, "state">;
  logs: Pick<ObeyedLogs, "fetch" | "followed">;
  inBackground(what: string, work: Promise<void>): void;
}

const AGAIN_MS = 30_000;
/** Of a disk, a hub or a session that is busy. A hub that refuses does so the next time as well. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["storage_full", "too_many", "unavailable"]);

export class LogFollower {
  readonly #parts: LogFollowerParts;
  #again: Timer | undefined;
  #isClosed = false;

  constructor(parts: LogFollowerParts) {
    this.#parts = parts;
  }

  /** A new session, whose hub has told where the logs end. */
  connected(heads: HubMessage<"registered">["owner_heads"]): void {
    this.#parts.inBackground("owner log", this.#ask(heads));
  }

  /** News of one log; of one that is nobody's here they are passed over. */
  heard(ownerRoot: string, entries: readonly OwnerLogEntry[]): void {
    this.#parts.inBackground("owner log", this.#take(ownerRoot, entries));
  }

  close(): void {
    this.#isClosed = true;
    this.#again?.cancel();
  }

  async #take(ownerRoot: string, entries: readonly OwnerLogEntry[]): Promise<void> {
    try {
      await this.#parts.logs.followed(ownerRoot)?.take(entries);
    } catch (error) {
      // Of a fork asking makes nothing better.
      if (publicError(error).code === "owner_log_forked") throw error;
      await this.#ask();
    }
  }

  async #ask(heads?: HubMessage<"registered">["owner_heads"]): Promise<void> {
    try {
      await this.#parts.logs.fetch(heads);
    } catch (error) {
      if (PASSING.has(publicError(error).code)) this.#askLater();
      throw error;
    }
  }

  /** The next session begins with it, so that without one nothing is to be done. */
  #askLater(): void {
    if (this.#isClosed) return;
    const { timers, hub, inBackground } = this.#parts;
    this.#again ??= timers.after(AGAIN_MS, () => {
      this.#again = undefined;
      if (hub.state.at === "connected") inBackground("owner log", this.#ask());
    });
  }
}
