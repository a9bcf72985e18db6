// The session with a hub as a peer asks for it, over a connection.
import { MusterError } from "../protocol/errors.ts";
import type { HubMessage, HubToClient } from "../protocol/messages.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { OpenRefusal } from "../trunk/trunk.ts";
import type { Asked, Connection } from "./connection.ts";
import type { PeerHub } from "./peers/peer-hub.ts";

export interface PeerLink extends PeerHub {
  /** Key of the hub, pinned and proved. Throws `hub_unreachable` before it is known. */
  hubKey(): Uint8Array;
  /** `https://hub.example`: what a pairing link leads to. */
  hubUrl(): string;
  /** A stream towards the hub; in words why there is none. */
  openStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal;
}

/** What the keeper of the connection knows of it. */
export interface LinkFacts {
  isConnected(): boolean;
  /** As `keyProver` tells it once it is proved. */
  hubKey(): Uint8Array | undefined;
  hubUrl(): string;
}

export function linkOver(connection: Connection, facts: LinkFacts): PeerLink {
  return {
    isConnected: () => facts.isConnected(),
    send: (message) => connection.send(message),
    openStream: (payload, events) => connection.openStream(payload, events),
    request: async (asked, type) => answered(await ask(connection, asked), type),
    hubUrl: () => facts.hubUrl(),
    hubKey() {
      const key = facts.hubKey();
      if (key !== undefined) return key;
      throw new MusterError("hub_unreachable", "the hub has not answered yet");
    },
  };
}

async function ask(connection: Connection, asked: Asked): Promise<HubToClient> {
  try {
    return await connection.request(asked);
  } catch (error) {
    // No session, or no answer: both are tried again with the next one.
    if (error instanceof MusterError && error.code === "unavailable") {
      throw new MusterError("hub_unreachable", error.message, { cause: error });
    }
    throw error;
  }
}

function answered<Type extends HubToClient["type"]>(answer: HubToClient, type: Type): HubMessage<Type> {
  // The type decides the shape.
  if (answer.type === type) return answer as HubMessage<Type>;
  throw new MusterError("protocol_error", `the hub answered with "${answer.type}"`);
}
