// A connection that became a trunk: the upgraded exchange under the contract that a trunk's wire keeps.
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import type { Wire } from "../../trunk/outbox.ts";
import type { ByteStreamEvents } from "../../world/world.ts";

export function exchangeWire(exchange: Exchange): Wire {
  return {
    write: (bytes) => exchange.write(bytes),
    shutdown: () => exchange.shutdown(),
    close: () => exchange.abort(),
  };
}

/** Hands what the visitor's side does to whoever is plugged under the wire. */
export function wireEvents(events: ByteStreamEvents): ExchangeEvents {
  return {
    body: (bytes) => events.data(bytes),
    bodyEnd() {},
    writable: () => events.drain(),
    rawEnd: () => events.end(),
    aborted: () => events.close(),
  };
}
