// Requests that others signed and the hub hands on: each is answered once, and only while it is new, so that a hub
// which kept one gets nothing for it later, not even from an agent that has started since.
import { MusterError } from "../protocol/errors.ts";
import { uuidV7Ms } from "../protocol/uuid.ts";
import type { Clock } from "../world/world.ts";

/** How far the asker's clock may be from this one's, and how long a request may be on its way. */
const NEW_FOR_MS = 600_000;
const SEEN_MAX = 10_000;

export class AnsweredOnce {
  readonly #clock: Pick<Clock, "now">;
  /** Signer and id, the oldest first. */
  readonly #seen = new Set<string>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** `id`: a `uuidV7` of the signer's own. Throws for one that was taken before, or is not new. */
  check(signer: string, id: string): void {
    if (this.#seen.has(keyOf(signer, id))) throw new MusterError("conflict", "this was answered already");
    if (Math.abs(this.#clock.now() - uuidV7Ms(id)) <= NEW_FOR_MS) return;
    throw new MusterError("conflict", "this was signed too long ago, or ahead of this device's time", {
      hint: "set the clocks of both devices",
    });
  }

  /** From now on it was taken. */
  take(signer: string, id: string): void {
    const [oldest] = this.#seen;
    if (this.#seen.size >= SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest);
    this.#seen.add(keyOf(signer, id));
  }
}

function keyOf(signer: string, id: string): string {
  return `${signer} ${id}`;
}
