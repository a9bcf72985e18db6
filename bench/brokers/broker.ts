// What every way from one program to another through a server has in common: messages there, one at a time and
// many, and what each way promises of them.
import type { Stage } from "../stage.ts";

/** Of every message: what people write is about as long. */
export const MESSAGE_BYTES = 64;

export interface Broker {
  name: string;
  /** Where a message is on a disk once it counts as sent; and what else is done to it. */
  promises: string;
  /** Processes in the middle, and those at both ends that are not the bench itself. */
  hub: readonly number[];
  agent: readonly number[];
  /** There, and a sign back that it was there. */
  roundTrip(): Promise<void>;
  /** So many as one burst; resolves when all have arrived. */
  burst(count: number): Promise<void>;
  /** As many as take some tenths of a second. */
  burstCount: number;
}

export interface BrokerPeer {
  name: string;
  programs: readonly string[];
  start(stage: Stage): Promise<Broker[]>;
}

/** Counts what arrives, and resolves whoever waits for so many. */
export class Arrivals {
  #count = 0;
  #wanted = 0;
  #resolve: () => void = () => {};

  add(count: number): void {
    this.#count += count;
    if (this.#count >= this.#wanted) this.#resolve();
  }

  /** For `count` more than have arrived by now. Ask before they are sent. */
  more(count: number): Promise<void> {
    this.#wanted = this.#count + count;
    return new Promise((resolve) => (this.#resolve = resolve));
  }
}
