// The little of a session with the hub that a stream to a device, or a call, needs.
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { OpenRefusal } from "../trunk/trunk.ts";

export interface StreamOpener {
  /** A stream towards the hub; in words why there is none. */
  openStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal;
}
