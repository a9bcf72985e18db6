// Which session speaks for a key now: the newest that pairs and relays. A controller that only attaches has
// no messages of its own.
import type { Session } from "../sessions/session.ts";

/** What the relay needs of a session; tests hand in their own. */
export type Recipient = Pick<Session, "key" | "send"> & Partial<Pick<Session, "close">>;

export class Present<Kind extends Recipient = Recipient> {
  readonly #byKey = new Map<string, Kind>();

  joined(session: Kind): void {
    this.#byKey.set(session.key, session);
  }

  /** An older session's end touches nothing of the newer's. False then. */
  left(session: Kind): boolean {
    return this.#byKey.get(session.key) === session && this.#byKey.delete(session.key);
  }

  of(key: string): Kind | undefined {
    return this.#byKey.get(key);
  }
}
