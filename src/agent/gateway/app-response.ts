// The way back: an app's response to the visitor's exchange. The head is written anew, the body passes as it
// is on the wire, held back when the visitor is slow.

import type { BrokenReason, ClientExchange, ClientExchangeEvents } from "../../http1/client-exchange.ts";
import type { Exchange } from "../../http1/exchange.ts";
import { forwardedResponse } from "../../http1/forward.ts";
import type { ResponseHead } from "../../http1/response-head.ts";
import { lentBytes, responseText } from "../../http1/serialize.ts";
import { restOfKept } from "../../http1/unsent.ts";
import type { SendOptions } from "./send-reply.ts";
import type { ResponseReader } from "./upstream-pool.ts";

export interface AppResponseOptions extends SendOptions {
  /** The app agreed to another protocol; before its 101 is written. */
  readonly upgrading?: (() => void) | undefined;
}

/** The request that is being answered. */
export interface ResponseOwner {
  /** The app showed signs of life, or its final head when `final`. */
  appSpoke(final: boolean): void;
  /** The app has room for more of the request's body. */
  appWritable(): void;
  /** The app's part is done. */
  appDone(reusable: boolean): void;
  appBroke(reason: BrokenReason): void;
  /** Everything has been handed to the visitor, or there is nobody to hand it to. */
  responseOver(): void;
}

/** A head and the beginning of its body leave together where that costs no great copy. */
const JOIN_MAX_BYTES = 16 * 1024;

export class AppResponse implements ClientExchangeEvents, ResponseReader {
  readonly #exchange: Exchange;
  readonly #owner: ResponseOwner;
  readonly #options: AppResponseOptions;
  /** What the request is sent by; another one at a second attempt. */
  client: ClientExchange | undefined;
  #headWaiting: string | undefined;
  /** What the visitor has not yet taken. */
  #rest: Uint8Array | undefined;
  #status = 0;
  #length = 0;
  #after: "keep-alive" | "close" = "close";
  #upgraded = false;
  #appEnded = false;
  #told = false;

  constructor(exchange: Exchange, owner: ResponseOwner, options: AppResponseOptions) {
    this.#exchange = exchange;
    this.#owner = owner;
    this.#options = options;
  }

  get upgraded(): boolean {
    return this.#upgraded;
  }

  // What the app tells.

  interim(head: ResponseHead): void {
    this.#owner.appSpoke(false);
    this.#push(lentBytes(responseText(head, forwardedResponse(head, { connection: "keep-alive" }))));
  }

  head(head: ResponseHead): void {
    this.#owner.appSpoke(true);
    this.#status = head.status;
    this.#options.sending?.(head.status);
    if (head.upgrade !== undefined) {
      this.#upgraded = true;
      this.#options.upgrading?.();
      this.#exchange.upgrade();
    }
    const mayStay = this.#exchange.keepAlive && !this.#options.closes && head.framing.kind !== "close";
    this.#after = mayStay ? "keep-alive" : "close";
    const connection = this.#upgraded ? "upgrade" : this.#after;
    this.#headWaiting = responseText(head, forwardedResponse(head, { connection }));
  }

  body(bytes: Uint8Array): void {
    this.#length += bytes.length;
    const head = this.#headWaiting;
    this.#headWaiting = undefined;
    if (head === undefined) return this.#push(bytes);
    if (bytes.length <= JOIN_MAX_BYTES) return this.#push(lentBytes(head, bytes));
    this.#push(lentBytes(head));
    this.#push(bytes);
  }

  readDone(): void {
    const head = this.#headWaiting;
    if (head === undefined) return;
    this.#headWaiting = undefined;
    this.#push(lentBytes(head));
  }

  writable(): void {
    this.#owner.appWritable();
  }

  rawEnd(): void {
    this.#appEnded = true;
    this.#endIfTaken();
  }

  end({ reusable }: { reusable: boolean }): void {
    this.readDone();
    this.#owner.appDone(reusable);
    this.#appEnded = true;
    this.#endIfTaken();
  }

  broken(reason: BrokenReason): void {
    this.#owner.appBroke(reason);
  }

  // What the visitor's side tells.

  visitorWritable(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    const taken = this.#exchange.write(rest);
    if (taken < 0) return this.#visitorGone();
    if (taken < rest.length) {
      this.#rest = restOfKept(rest, taken);
      return;
    }
    this.#rest = undefined;
    if (this.#appEnded) this.#endIfTaken();
    this.client?.resume();
    // A head that came behind what waited.
    this.readDone();
  }

  #push(bytes: Uint8Array): void {
    if (this.#rest !== undefined) {
      // At most what one read of the app brought: it is paused since.
      this.#rest = Buffer.concat([this.#rest, bytes]);
      return;
    }
    const taken = this.#exchange.write(bytes);
    if (taken === bytes.length) return;
    if (taken < 0) return this.#visitorGone();
    this.#rest = bytes.slice(taken);
    this.client?.pause();
  }

  #visitorGone(): void {
    this.#rest = undefined;
    this.client?.abort();
    this.#owner.responseOver();
  }

  #endIfTaken(): void {
    if (this.#rest !== undefined || this.#told) return;
    this.#told = true;
    this.#options.sent?.({ status: this.#status, length: this.#length });
    // Of an upgraded exchange only this direction ends here; the app's `end` follows when both have.
    if (this.#upgraded) this.#exchange.shutdown();
    else this.#exchange.finish(this.#after);
    this.#owner.responseOver();
  }
}
