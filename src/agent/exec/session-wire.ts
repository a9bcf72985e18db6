// One channel of a sealed session as a connection that a trunk can run over.
import type { Wire } from "../../trunk/outbox.ts";
import type { CommandPeer } from "./command-kind.ts";

export function sessionWire(peer: Pick<CommandPeer, "send" | "roomBytes">, channel: number): Wire {
  return {
    write(bytes) {
      const taken = Math.min(bytes.length, peer.roomBytes);
      if (taken > 0) peer.send(channel, bytes.subarray(0, taken));
      return taken;
    },
    // The session itself tells the end of both.
    shutdown() {},
    close() {},
  };
}
