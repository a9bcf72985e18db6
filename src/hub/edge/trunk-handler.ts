// `/trunk`: a connection becomes a trunk.
import type { Exchange } from "../../http1/exchange.ts";
import { field } from "../../http1/field.ts";
import { serializeResponse } from "../../http1/serialize.ts";
import type { Socket } from "../../world/world.ts";
import { bindingRuleFor } from "../sessions/binding-rule.ts";
import type { SessionDoor } from "../sessions/door.ts";
import type { Unproven } from "../sessions/unproven.ts";
import type { Visitor } from "./visitor.ts";

export const TRUNK_PROTOCOL = "muster-trunk/1";

export interface TrunkHandlerParts {
  door: SessionDoor;
  unproven: Unproven;
  /** Plain HTTP from elsewhere was accepted when the hub was started. */
  insecure: boolean;
}

/** False when its source has too many connections that never said who they are. */
export type TakeTrunk = (socket: Socket, exchange: Exchange, from: Visitor) => boolean;

export function trunkHandler({ door, unproven, insecure }: TrunkHandlerParts): TakeTrunk {
  return (socket, exchange, { visitor, proxied }) => {
    const settled = unproven.enter(visitor);
    if (settled === undefined) return false;
    const binding = socket.channelBinding();
    const bindingRule = bindingRuleFor({ visitor, proxied, tls: socket.tls, origin: null }, insecure);
    exchange.write(trunkAnswer());
    // The socket itself is the wire: a trunk lives for weeks, and nothing of its beginning has to.
    const arrival = { wire: socket, address: visitor, binding, bindingRule, account: undefined, settled };
    if (!exchange.handOver(door.arrive(arrival))) exchange.abort();
    return true;
  };
}

/** The head that turns a connection into a trunk. */
function trunkAnswer(): Uint8Array {
  return serializeResponse({ status: 101, reason: "Switching Protocols" }, [
    field("Connection", "Upgrade"),
    field("Upgrade", TRUNK_PROTOCOL),
  ]);
}
