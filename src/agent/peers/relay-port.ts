// The agent's session with its hub, as the library's rules of pairing and messages ask for it.
import type { PeerHub } from "../../client/peers/peer-hub.ts";
import type { HubPort } from "../hub-port.ts";

export function relayPort(hub: HubPort): PeerHub {
  return {
    isConnected: () => hub.state.at === "connected",
    request: (asked, type) => hub.request(asked, type),
    send: (message) => hub.send(message),
  };
}
