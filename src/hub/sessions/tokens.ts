// Bearers of pages: each belongs to one session whose key has proved itself, and ends with it. Only digests
// are kept, so that nothing here can be replayed.
import type { Crypto } from "../../identity/crypto.ts";
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import type { ActorOf } from "../../protocol/actors.ts";
import type { Session } from "./session.ts";

const TOKEN_BYTES = 32;

export class SessionTokens {
  readonly #crypto: Crypto;
  readonly #sessions = new Map<string, Session>();

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  /** A new bearer, to be bound to a session once it stands. */
  make(): string {
    return toBase64Url(this.#crypto.randomBytes(TOKEN_BYTES));
  }

  bind(token: string, session: Session): void {
    this.#sessions.set(this.#digest(token), session);
  }

  end(session: Session): void {
    for (const [digest, other] of this.#sessions) if (other === session) this.#sessions.delete(digest);
  }

  verify(token: string): ActorOf<"person"> | undefined {
    const actor = this.#sessions.get(this.#digest(token))?.actor;
    return actor?.kind === "person" ? actor : undefined;
  }

  /** A look-up by digest tells nothing about how much of a guess was right. */
  #digest(token: string): string {
    return toBase64Url(this.#crypto.sha256(utf8(token)));
  }
}
