// What is known of one request while it is answered: when its first byte went out, and how it ended.

import type { Clock } from "../../world/world.ts";
import type { AppResponseOptions } from "./app-response.ts";
import type { Sent } from "./send-reply.ts";

export class Visit implements AppResponseOptions {
  readonly closes: boolean;
  readonly #clock: Clock;
  readonly #beganMs: number;
  #firstByteMs = 0;
  #status = 500;
  #length = 0;
  upgrading: (() => void) | undefined = undefined;
  /** The response is whole. */
  over: (() => void) | undefined = undefined;

  constructor(clock: Clock, closes: boolean) {
    this.#clock = clock;
    this.closes = closes;
    this.#beganMs = clock.monotonic();
  }

  sending(status: number): void {
    this.#status = status;
    this.#firstByteMs = this.#clock.monotonic() - this.#beganMs;
  }

  sent({ status, length }: Sent): void {
    this.#status = status;
    this.#length = length;
    this.over?.();
  }

  get response(): { status: number; firstByteMs: number; length: number } {
    return { status: this.#status, firstByteMs: this.#firstByteMs, length: this.#length };
  }
}
