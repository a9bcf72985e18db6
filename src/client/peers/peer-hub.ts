// What pairing and messages need of the session with a hub: whether there is one, ask, tell.
import type { ClientToHub, HubMessage, HubToClient } from "../../protocol/messages.ts";
import type { Asked } from "../connection.ts";

export interface PeerHub {
  isConnected(): boolean;
  /** Rejects with the hub's refusal, or `hub_unreachable` when there is no session or no answer in time. */
  request<Type extends HubToClient["type"]>(asked: Asked, type: Type): Promise<HubMessage<Type>>;
  /** False while there is no session. */
  send(message: ClientToHub): boolean;
}
