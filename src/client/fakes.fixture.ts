// A hub's end of a socket and a clock that tests move by hand.
import type { HubToClient } from "../protocol/messages.ts";
import { FRAME_HEADER_BYTES } from "../protocol/limits.ts";
import { encodeFrame, FRAME } from "../trunk/frame.ts";
import type { World } from "../world/world.ts";
import type { ClientSocket } from "./socket.ts";

type Listener = (event: never) => void;

/** A socket whose far end is the test. It answers pings unless it is `mute`. */
export class FakeSocket implements ClientSocket {
  binaryType = "blob";
  readonly sent: Record<string, unknown>[] = [];
  closed = false;
  mute = false;
  readonly #listeners = new Map<string, Listener[]>();

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (typeof data === "string") this.sent.push(JSON.parse(data));
    else if (data[4] === FRAME.ping && !this.mute) {
      const pong = encodeFrame(FRAME.pong, 0, data.slice(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + 8));
      queueMicrotask(() => this.emit("message", { data: new Uint8Array(pong).buffer }));
    }
  }

  close(): void {
    this.closed = true;
  }

  opens(): void {
    this.emit("open", {});
  }

  says(message: HubToClient | Record<string, unknown>): void {
    this.emit("message", { data: JSON.stringify(message) });
  }

  emit(type: string, event: unknown): void {
    // Each listener was given for this type of event, and tests send what that type carries.
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }
}

interface Due {
  at: number;
  run: () => void;
}

export class FakeWorld {
  #now = 1_800_000_000_000;
  #due: Due[] = [];

  get now(): number {
    return this.#now;
  }

  readonly parts: Pick<World, "clock" | "timers" | "random"> = {
    clock: { now: () => this.#now, monotonic: () => this.#now },
    timers: {
      after: (delayMs, run) => this.#after(delayMs, run),
      every: (periodMs, run) => this.#every(periodMs, run),
      soon: (run) => queueMicrotask(run),
    },
    random: { bytes: (length) => new Uint8Array(length), fraction: () => 0 },
  };

  /** Lets time pass, and lets promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#due.filter((due) => due.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((due) => due !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #every(periodMs: number, run: () => void): { cancel(): void } {
    const again = (): void => {
      timer = this.#after(periodMs, again);
      run();
    };
    let timer = this.#after(periodMs, again);
    return { cancel: () => timer.cancel() };
  }

  #after(delayMs: number, run: () => void): { cancel(): void } {
    const due = { at: this.#now + delayMs, run };
    this.#due.push(due);
    return { cancel: () => void (this.#due = this.#due.filter((other) => other !== due)) };
  }
}

/** Until what was promised has happened: more turns than any chain of promises here has. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
