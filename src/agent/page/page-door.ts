// Who may use the page that this agent serves: a browser that spent a link which was printed here, by the key that it
// made for this address. All of it lives in memory: an agent that starts anew lets nobody in.
import type { Crypto } from "../../identity/crypto.ts";
import { loginLinkHash, makeLoginLink, type LoginLink } from "../../identity/login-link.ts";
import { Secret } from "../../identity/secret.ts";
import { equalSecretBytes, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Clock } from "../../world/world.ts";

export const LINK_MS = 5 * 60_000;
/** A person opens a few, by mistake some more. */
const LINKS_MAX = 8;
const BROWSERS_MAX = 8;

export class PageDoor {
  readonly #crypto: Crypto;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #links = new Map<string, { hash: Uint8Array; endsAtMs: number }>();
  readonly #browsers = new Set<string>();

  constructor(crypto: Crypto, clock: Pick<Clock, "monotonic">) {
    this.#crypto = crypto;
    this.#clock = clock;
  }

  /** Somebody has come in. */
  get isEntered(): boolean {
    return this.#browsers.size > 0;
  }

  makeLink(): LoginLink {
    const link = makeLoginLink(this.#crypto);
    dropOldest(this.#links, LINKS_MAX - 1);
    const endsAtMs = this.#clock.monotonic() + LINK_MS;
    this.#links.set(link.id, { hash: loginLinkHash(this.#crypto, link), endsAtMs });
    return link;
  }

  /** Lets that key in. Spent, over, unknown and wrong are one refusal; a wrong secret ends its link. */
  enter({ id, secret }: { id: string; secret: string }, key: Uint8Array): void {
    const known = this.#links.get(id);
    this.#links.delete(id);
    const given = loginLinkHash(this.#crypto, { id, secret: new Secret(secret) });
    const fits = known !== undefined && equalSecretBytes(known.hash, given);
    if (!fits || this.#clock.monotonic() > known.endsAtMs) {
      throw new MusterError("token_invalid", "this link was used before, is over, or is none", {
        hint: "make a new one: muster open",
      });
    }
    dropOldest(this.#browsers, BROWSERS_MAX - 1);
    this.#browsers.add(toBase64Url(key));
  }

  knows(key: Uint8Array): boolean {
    return this.#browsers.has(toBase64Url(key));
  }
}

function dropOldest(kept: Map<string, unknown> | Set<string>, max: number): void {
  for (const name of kept.keys()) {
    if (kept.size <= max) return;
    kept.delete(name);
  }
}
