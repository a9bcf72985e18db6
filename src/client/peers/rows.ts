// What a device keeps of the devices it is paired with: the pin, the receive keys made for them, what is on its
// way to them and what has come from them. The form of a row is that of the program's own tables; every store
// keeps these.
import type { ReceiveKeyRow } from "../../identity/sealed/receive-keys.ts";
import type { DeviceKind } from "../../protocol/views.ts";

/** `pinned`: the hub does not relay yet. `unrelayed`: it says it does not any more. `leaving`: being told so. */
export type PeerState = "pinned" | "paired" | "unrelayed" | "leaving";

export interface PeerRow {
  /** Identity key in base64url. */
  key: string;
  link_key: Uint8Array;
  /** The newest receive key that it has told. */
  receive_key: Uint8Array;
  /** When that was made, by the peer's clock; 0 of the one that came with the pairing. */
  receive_key_at: number;
  /** What it calls itself: text from elsewhere. */
  nickname: string;
  /** What it is called here. */
  petname: string;
  kind: DeviceKind;
  /** Five words. */
  safety: string;
  /** 1 once a person has compared them. */
  verified: number;
  since: number;
  state: PeerState;
  /** Of the outbox to this peer. */
  epoch: Uint8Array;
  next_sequence: number;
}

/** A private half: 32 bytes, or a key of WebCrypto that no script can read. */
export type ReceiveSecret = Uint8Array | CryptoKey;

/** The receive keys made for one peer, oldest first, and the ids of those erased. */
export interface RingRows {
  rows: readonly ReceiveKeyRow<ReceiveSecret>[];
  /** base64url. */
  erasedIds: readonly string[];
}

export type OutboxState = "queued" | "relayed" | "delivered" | "dropped";

export interface OutboxRow {
  id: string;
  peer: string;
  epoch: Uint8Array;
  sequence: number;
  kind: string;
  /** Emptied once it was delivered. */
  body: Uint8Array;
  state: OutboxState;
  created_at: number;
}

/** How far each epoch of a peer has come without a gap: what makes an old message known for ever. */
export interface InboundRow {
  peer: string;
  /** base64url. */
  epoch: string;
  complete: number;
  last_id: string;
  seen_at: number;
}

export interface InboxRow {
  /** Order of what a reader sees; null while something before it is missing. */
  position: number | null;
  peer: string;
  epoch: string;
  sequence: number;
  id: string;
  kind: string;
  body: Uint8Array;
  at: number;
  read: number;
}

/** One stream of numbers of one peer. */
export interface EpochOf {
  peer: string;
  /** base64url. */
  epoch: string;
}

export interface Place extends EpochOf {
  sequence: number;
}

/** Numbers of this device's own outbox to a peer, both ends included. */
export interface OwnRange {
  peer: string;
  epoch: Uint8Array;
  from: number;
  to: number;
}

export interface Amount {
  count: number;
  bytes: number;
}
