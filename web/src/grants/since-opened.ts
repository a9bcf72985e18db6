// Whether the log has got what a dialog was opened for: by entries behind those that it had then.
import type { GrantBook, ShownGrant } from "./grant-book.ts";

export class SinceOpened {
  readonly #newest: number;

  constructor({ items }: GrantBook) {
    this.#newest = Math.max(-1, ...items.map(({ entry }) => entry));
  }

  has({ items }: GrantBook, isMeant: (grant: ShownGrant) => boolean): boolean {
    return items.some((grant) => grant.entry > this.#newest && isMeant(grant));
  }
}
