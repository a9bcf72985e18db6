// `/trunk`: a connection becomes a trunk.
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import type { Socket } from "../../world/world.ts";
import { bindingRuleFor } from "../sessions/binding-rule.ts";
import type { SessionDoor } from "../sessions/door.ts";
import type { Unproven } from "../sessions/unproven.ts";
import { trunkAnswer } from "./edge.ts";
import { exchangeWire, wireEvents } from "./exchange-wire.ts";
import type { Visitor } from "./visitor.ts";

export interface TrunkHandlerParts {
  door: SessionDoor;
  unproven: Unproven;
  /** Plain HTTP from elsewhere was accepted when the hub was started. */
  insecure: boolean;
}

/** Undefined when its source has too many connections that never said who they are. */
export type TakeTrunk = (socket: Socket, exchange: Exchange, from: Visitor) => ExchangeEvents | undefined;

export function trunkHandler({ door, unproven, insecure }: TrunkHandlerParts): TakeTrunk {
  return (socket, exchange, { visitor, proxied }) => {
    const settled = unproven.enter(visitor);
    if (settled === undefined) return undefined;
    const binding = socket.channelBinding();
    const bindingRule = bindingRuleFor({ visitor, proxied, tls: socket.tls, origin: null }, insecure);
    exchange.write(trunkAnswer());
    exchange.upgrade();
    const wire = exchangeWire(exchange);
    return wireEvents(
      door.arrive({ wire, address: visitor, binding, bindingRule, account: undefined, settled }),
    );
  };
}
