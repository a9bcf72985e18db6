// Bounds of a hub that its owner may set: an office behind one address, or thousands of agents on one machine,
// would otherwise be held for an attack.
import { OPENING_MESSAGES_BURST, OPENING_MESSAGES_PER_SECOND } from "../protocol/limits.ts";

export interface HubLimits {
  /** Messages that open something, per device and second. */
  messagesPerSecond: number;
  messagesBurst: number;
  /** Connections of one source that have not proved who they are; at least twice the devices that live there. */
  unprovenSockets: number;
  /** Connections at once; each costs about 2 KiB while idle. */
  connections: number;
  /** Sign-ins and token claims of one source. */
  entriesPerMinute: number;
}

export const USUAL_LIMITS: HubLimits = {
  messagesPerSecond: OPENING_MESSAGES_PER_SECOND,
  messagesBurst: OPENING_MESSAGES_BURST,
  unprovenSockets: 100,
  connections: 50_000,
  entriesPerMinute: 10,
};
