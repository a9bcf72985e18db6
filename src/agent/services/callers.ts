// Who asks for a service, and by which word: a ticket of a controller's key, or the pass that this device gave for one.
// Only keys count that may command by this device's own copies of its owners' logs at this moment.
import { cookieValue } from "../../http1/cookies.ts";
import type { Field } from "../../http1/field.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import {
  PASS_LIFETIME_MS,
  readBrowserTicket,
  signPass,
  VouchedWords,
  type ServiceAt,
  type Vouched,
} from "../../identity/service-access.ts";
import { equalSecretBytes, toBase64Url } from "../../protocol/bytes.ts";
import type { Open } from "../../protocol/open.ts";
import { NONCE_COOKIE, PASS_COOKIE, readNonceValue, TICKET_FIELD } from "../../protocol/service-cookies.ts";
import { TICKET_LIFETIME_MS } from "../../protocol/ticket.ts";
import type { Clock } from "../../world/world.ts";
import { safeReturnPath } from "../gateway/return-path.ts";
import { firstValue } from "../gateway/share-target.ts";
import type { ObeyedLogs } from "../obeyed-logs.ts";

export interface CallersParts {
  clock: Clock;
  crypto: Pick<Crypto, "verifyEd25519">;
  /** This device's key: its passes are signed by it. */
  signer: Signer;
  device(): { id: string };
  logs: Pick<ObeyedLogs, "mayCommand" | "knowing">;
}

export interface Call {
  /** Of the service. */
  name: string;
  head: RequestHead;
  open: Open;
}

/** Spent nonces are kept while their tickets could still come again. */
const SPENT_MAX = 4096;

export class Callers {
  readonly #parts: CallersParts;
  readonly #words: VouchedWords;
  /** Nonce → when it may be forgotten. */
  readonly #spent = new Map<string, number>();

  constructor(parts: CallersParts) {
    this.#parts = parts;
    this.#words = new VouchedWords(parts.crypto);
  }

  /** At this moment. */
  readonly mayCommand = (key: Uint8Array): boolean => {
    const { logs, clock } = this.#parts;
    return logs.mayCommand(key, clock.now());
  };

  /** By the ticket that it brings, else by its cookie. */
  of(call: Call): (Vouched & { by: "ticket" | "pass" }) | undefined {
    const { clock, signer } = this.#parts;
    const { fields } = call.head;
    const place = this.#place(call);
    const now = { nowMs: clock.now(), trusts: this.mayCommand };
    const text = firstValue(fields, TICKET_FIELD);
    if (text !== undefined) {
      const ticket = this.#words.programTicket({ text, at: place, ...now });
      return ticket && { ...ticket, by: "ticket" };
    }
    for (const cookie of cookies(fields, PASS_COOKIE)) {
      const pass = this.#words.pass({ text: cookie, place, deviceKey: signer.publicKey, ...now });
      if (pass !== undefined) return { ...pass, by: "pass" };
    }
    return undefined;
  }

  /** Of a browser that is back. It is not spent by being read. */
  ticketOf(call: Call): Vouched | undefined {
    const { clock, crypto } = this.#parts;
    const place = this.#place(call);
    const text = firstValue(call.head.fields, TICKET_FIELD) ?? "";
    const given = { text, at: place, host: place.host, nowMs: clock.now(), trusts: this.mayCommand };
    return readBrowserTicket(crypto, given);
  }

  /** The path to come back to; undefined where another browser left for the ticket, or it was taken before. */
  spend({ head }: Call, ticket: Vouched): string | undefined {
    const [value] = cookies(head.fields, NONCE_COOKIE);
    const left = value === undefined ? undefined : readNonceValue(value);
    if (left === undefined || !equalSecretBytes(left.nonce, ticket.nonce)) return undefined;
    const nowMs = this.#parts.clock.now();
    const text = toBase64Url(ticket.nonce);
    for (const [each, forgetAt] of this.#spent) if (forgetAt <= nowMs) this.#spent.delete(each);
    // Full of tickets of this very minute: nobody is let in rather than one twice.
    if (this.#spent.has(text) || this.#spent.size >= SPENT_MAX) return undefined;
    this.#spent.set(text, nowMs + 2 * TICKET_LIFETIME_MS);
    return safeReturnPath(left.path);
  }

  passFor(call: Call, ticket: Vouched): Promise<string> {
    const { clock, signer } = this.#parts;
    return signPass(signer, this.#place(call), { ...ticket, expiresAt: clock.now() + PASS_LIFETIME_MS });
  }

  #place({ name, open }: Call): ServiceAt & { host: string } {
    return { deviceId: this.#parts.device().id, service: name, host: open.host.toLowerCase() };
  }
}

function cookies(fields: readonly Field[], name: string): string[] {
  return fields.flatMap(({ lower, value }) => {
    const found = lower === "cookie" ? cookieValue(value, name) : undefined;
    return found === undefined ? [] : [found];
  });
}
