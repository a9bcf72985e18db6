// A device of its own for another program: a key that pairs with other devices by a code, sends to them and
// hears from them, sealed and exactly once. The hub between is only a way. This file is what such a program
// sees; `connect-peer.ts` makes one.
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { DhKey } from "../identity/sealed/session-crypto.ts";
import type { Log } from "../protocol/log.ts";
import type { DeviceKind } from "../protocol/views.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { ByteStream, ByteStreamEvents, World } from "../world/world.ts";
import type { ConnectionState } from "./connection.ts";
import type { MakeReceiveKey } from "./peers/receive-ring.ts";
import type { PeerStore } from "./peers/store.ts";

/** The keys of one device; none is derived from another. */
export interface PeerKeys {
  /** Ed25519: who this is. It only signs. */
  signer: Signer;
  /** X25519: for live sessions. */
  link: DhKey;
  /** X25519: for messages; a new one with every acknowledgement. */
  makeReceiveKey: MakeReceiveKey;
}

export interface PeerOptions {
  keys: PeerKeys;
  store: PeerStore;
  /** What this device calls itself, up to 64 characters; asked anew for each pairing and each session. */
  nickname(): string;
  kind: DeviceKind;
  world: Pick<World, "clock" | "timers" | "random">;
  crypto: Crypto;
  subtle: SubtleCrypto;
  log?: Log;
}

/** A paired device, as a program shows it. */
export interface PairedDevice {
  /** Computed from its pinned key: `gr2q7gf-5lh6pzf-dnurnkv-puthpqv`. */
  id: string;
  /** The key itself, base64url: what everything here is decided by. */
  key: string;
  /** What this device calls it. */
  petname: string;
  /** What it calls itself: text from elsewhere, which points at nothing. */
  nickname: string;
  kind: DeviceKind;
  /** Five words. When they are the same at both ends, nobody is in between. */
  safetyWords: string;
  /** Whether a person has said that they are the same. */
  compared: boolean;
  /** `pinned`: the hub does not relay to it yet. `unrelayed`: the hub says that it no longer does. */
  state: "pinned" | "paired" | "unrelayed";
  /** Milliseconds since the epoch. */
  since: number;
}

export interface MadeCode {
  /** `K7-Q2MX`. Good for five minutes and for one try. */
  code: string;
  /** The same as a link, for a QR code: `HUB/pair#…`. As secret as the code. */
  link: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** Rejects with `pairing_failed` however it failed. */
  done: Promise<PairedDevice>;
  cancel(): void;
}

export interface PairWish {
  /** What the other device is to be called here; else what it calls itself. */
  petname?: string;
  /** Who may find the code: anybody at this hub who knows it, or devices of the same owner. */
  reach?: "anyone" | "owner";
}

export type Content = { text: string } | { file: { name: string; bytes: Uint8Array } };

/**
 * `queued`: here, on this device. `relayed`: the hub has it. `delivered`: the other device has signed that it
 * keeps it. `dropped`: the pairing ended before.
 */
export type SentState = "queued" | "relayed" | "delivered" | "dropped";

export interface SentMessage {
  id: string;
  state: SentState;
}

export type ReceivedMessage = {
  /** Rises with each message: where a reader is. */
  position: number;
  id: string;
  /** Key of the sender, base64url. */
  from: string;
  /** When it came here, milliseconds since the epoch. */
  at: number;
} & (
  | { type: "text"; text: string }
  /** A plain name without folders. The bytes are those that the sender had. */
  | { type: "file"; name: string; bytes: Uint8Array; sha256: string }
  /** A kind of message that this version does not know. */
  | { type: "unknown" }
);

export type StreamHandler = (from: PairedDevice, stream: ByteStream) => ByteStreamEvents;

export interface Peer {
  /** Of this device. */
  readonly id: string;
  /** Of this device, base64url. */
  readonly key: string;

  /** A code for another device to join with. Throws `too_many`, `hub_unreachable`. */
  pair(wish?: PairWish): Promise<MadeCode>;
  /** The other device's code, as typed, or its link. Throws `invalid`, `pairing_failed`. */
  join(codeOrLink: string, wish?: Pick<PairWish, "petname">): Promise<PairedDevice>;
  /** By petname, id, or the beginning of an id. Throws `not_found`, `ambiguous`. */
  find(reference: string): Promise<PairedDevice>;
  peers(): Promise<PairedDevice[]>;
  /** Throws `name_taken`, `not_found`. */
  setPetname(key: string, petname: string): Promise<PairedDevice>;
  /** A person has compared the safety words. */
  verified(key: string): Promise<PairedDevice>;
  /** Ends the pairing, here at once and there when it hears of it. */
  unpair(key: string): Promise<void>;

  /** Durable when it resolves; sent by itself once there is a way. Throws `too_large`, `too_many`, `not_found`. */
  send(key: string, content: Content): Promise<SentMessage>;
  /** How far a message has come; undefined for one that is not known any more. */
  sent(id: string): Promise<SentMessage | undefined>;
  /**
   * Resolves once the other device has signed that it keeps the message, or the pairing is over. Rejects with
   * `not_found`, and `unavailable` when this device is closed before.
   */
  delivered(id: string): Promise<SentMessage>;
  /**
   * Called for each message, one at a time, in the order of their sender, and again after a restart for what it
   * had not finished. One handler; the function returned takes it away.
   */
  onMessage(handler: (message: ReceivedMessage) => Promise<void> | void): () => void;
  /** What has come, read or not, after a position: the store decides how long it keeps what was read. */
  received(after?: number): Promise<ReceivedMessage[]>;

  /** After any change of peers, messages or their states. */
  onChange(listener: () => void): () => void;
  /** What a person should know: a hub that no longer relays, messages that are lost, a peer that left. */
  notices(): string[];
  /**
   * A live stream of bytes to a paired device, sealed end to end: both have to be there, and a cut ends it. Resolves
   * when the other program has taken it and proved its key. Rejects with `not_found`, `hub_unreachable`,
   * `device_offline`, `unavailable` where it takes none, `session_cut`.
   */
  openStream(key: string, events: ByteStreamEvents): Promise<ByteStream>;
  /**
   * Called for each stream that a paired device opens here; returns who is told of it. One handler; without one,
   * every stream is refused. The function returned takes it away.
   */
  onStream(handler: StreamHandler): () => void;
  /** A stream that the hub joins to another device and could read: for sessions that seal by themselves. */
  openHubStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream;
  close(): void;
}

/** A peer with a connection of its own. */
export interface ConnectedPeer extends Peer {
  readonly state: ConnectionState;
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Resolves when hub and device have proved themselves; rejects when the hub refuses this key for good. */
  ready(): Promise<void>;
  /** Key of the hub, pinned at the first sight: keep it and hand it in the next time. */
  readonly hubKey: Uint8Array | undefined;
  /** Dials now instead of at the end of a pause. */
  wake(): void;
}
