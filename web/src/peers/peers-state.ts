// What the page knows of the devices that this browser is paired with, and of the pairing that is under way.
// Devices are told apart by key. Times are milliseconds since the epoch by this browser's own clock.
import type { PairedDevice, SentState } from "../../../src/client/peer.ts";
import type { MusterError } from "../../../src/protocol/errors.ts";
import type { PairingLink } from "../../../src/protocol/pairing-code.ts";

export interface PeersState {
  session: PeersSession;
  /** This browser, as others see it; null while it has no key. */
  own: { id: string; nickname: string } | null;
  /** Null until what this browser keeps was read. */
  peers: readonly PairedDevice[] | null;
  /** What went to and fro with each, by its key; the oldest first. */
  talks: ReadonlyMap<string, readonly TalkItem[]>;
  /** Files on their way in sessions of their own, by id. */
  moving: ReadonlyMap<string, Moving>;
  pairing: Pairing;
  /** What stands beside the list. */
  shown: Shown;
  /** Things that a person should know and that change nothing by themselves. */
  notices: readonly string[];
}

export interface Moving {
  id: string;
  peer: string;
  name: string;
  size: number;
  /** Bytes that have gone or come. */
  moved: number;
  from: "me" | "peer";
}

export type Shown = { at: "list" } | { at: "pairing" } | { at: "talk"; with: string };

export type PeersSession =
  /** Nobody has asked for one: a guest's key is made by the first click. */
  | { at: "off" }
  | { at: "connecting" }
  | { at: "ready" }
  | { at: "lost"; retryAt: number; problem: MusterError }
  /** Trying again changes nothing: this hub takes no guests, or this key is none. */
  | { at: "refused"; problem: MusterError };

export type Pairing =
  | { at: "idle" }
  /** The link behind a QR code was opened; nothing is said to anybody before a click. */
  | { at: "invited"; link: PairingLink }
  /** Busy: asking for a mailbox, or in the exchange itself. */
  | { at: "running"; by: "making" | "entering" }
  | { at: "offered"; code: string; link: string; expiresAt: number }
  | { at: "paired"; key: string }
  | { at: "failed"; problem: MusterError };

export interface TalkItem {
  id: string;
  /** Key of the other device. */
  peer: string;
  /** What it was called here: a conversation outlives its pairing. */
  name: string;
  from: "me" | "peer";
  at: number;
  body: TalkBody;
  /** Of what goes; null for what came. */
  state: SentState | null;
  unread: boolean;
  /** Why it was dropped, where that is known. */
  problem?: string;
}

export type TalkBody =
  | { kind: "text"; text: string }
  /** `kept`: its bytes are still in this browser. `session`: it went, or came, by a session of its own. */
  | { kind: "file"; name: string; size: number; kept: boolean; session?: true; sha256?: string }
  /** The other device calls itself something else now; its key is the same. */
  | { kind: "renamed"; from: string; to: string }
  /** Of a newer version. */
  | { kind: "unknown" };

export const NO_PEERS: PeersState = {
  session: { at: "off" },
  own: null,
  peers: null,
  talks: new Map(),
  moving: new Map(),
  pairing: { at: "idle" },
  shown: { at: "list" },
  notices: [],
};
