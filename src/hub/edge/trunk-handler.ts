// `/trunk`: a connection becomes a trunk, and its first five seconds are bounded in number by source, so that
// nobody fills the hub with connections that never say who they are.
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import type { BindingRule } from "../../identity/session.ts";
import { REGISTER_TIMEOUT_MS } from "../../protocol/limits.ts";
import type { Socket, Timers } from "../../world/world.ts";
import { sourceOf } from "../rate-limit.ts";
import type { SessionDoor } from "../sessions/door.ts";
import { trunkAnswer } from "./edge.ts";
import { exchangeWire, wireEvents } from "./exchange-wire.ts";

/** A source's unproven connections: at least this many, and twice the devices that live there. */
const UNPROVEN_MIN = 100;

export interface TrunkHandlerParts {
  door: SessionDoor;
  timers: Pick<Timers, "after">;
  /** Devices last seen from a source. */
  devicesFrom(source: string): number;
  isLoopbackAddress(address: string): boolean;
}

export function trunkHandler(
  parts: TrunkHandlerParts,
): (socket: Socket, exchange: Exchange) => ExchangeEvents | undefined {
  const { door, timers, devicesFrom, isLoopbackAddress } = parts;
  const unproven = new Map<string, number>();
  return (socket, exchange) => {
    const source = sourceOf(socket.remoteAddress);
    const count = unproven.get(source) ?? 0;
    if (count >= Math.max(UNPROVEN_MIN, 2 * devicesFrom(source))) return undefined;
    unproven.set(source, count + 1);
    // By then it has proved itself or is closed.
    timers.after(REGISTER_TIMEOUT_MS, () => {
      const left = (unproven.get(source) ?? 1) - 1;
      if (left <= 0) unproven.delete(source);
      else unproven.set(source, left);
    });
    const bindingRule: BindingRule = isLoopbackAddress(socket.remoteAddress)
      ? { type: "loopback" }
      : { type: "required" };
    exchange.write(trunkAnswer());
    exchange.upgrade();
    const wire = exchangeWire(exchange);
    const binding = socket.channelBinding();
    return wireEvents(
      door.arrive({ wire, address: socket.remoteAddress, binding, bindingRule, account: undefined }),
    );
  };
}
