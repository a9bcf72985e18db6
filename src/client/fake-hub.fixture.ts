// A hub in a few lines, for tests of peers: one mailbox at a time, and a relay that hands on at once. It can be cut.
import { MemoryStream } from "../agent/sessions/memory-stream.fixture.ts";
import { fromBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import type { HubToClient } from "../protocol/messages.ts";
import { encodeSessionCall, readSessionWish, SESSION_RESET } from "../protocol/session-open.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { Asked } from "./connection.ts";
import type { OpenedPeer } from "./open-peer.ts";
import type { PeerLink } from "./peer-link.ts";

const LETTERS = "BCDEFGHJKMNPQRSTUVWXYZ";

export class FakeHub {
  readonly #peers = new Map<string, OpenedPeer>();
  readonly #pins = new Set<string>();
  readonly #kept = new Map<string, HubToClient[]>();
  readonly #open = new Set<string>();
  #mailbox: { name: string; maker: string; joiner: string | undefined } | undefined;
  #lastRelay = 0;
  #mailboxes = 0;
  /** Who is connected and hears nothing for a while. */
  readonly #deaf = new Set<string>();
  readonly #taken = new Map<string, number>();
  readonly #relayed = new Map<string, number>();
  /** Whom the hub names as the caller of a stream, when it lies. */
  calledBy: string | undefined;

  /** The link of a peer that is made with it; `connect` comes after. */
  link(key: string): PeerLink {
    return {
      isConnected: () => this.#open.has(key),
      hubKey: () => new Uint8Array(32).fill(9),
      hubUrl: () => "https://hub.example",
      openStream: (payload, events) => this.#join(key, payload, events),
      send: (message) => {
        if (!this.#open.has(key)) return false;
        if (message.type === "pairing_message") this.#pass(key, message.payload);
        if (message.type === "relay_ack") this.#taken.set(key, message.relay_id);
        return true;
      },
      request: async (asked, type) => {
        if (!this.#open.has(key)) throw new MusterError("hub_unreachable", "the wire is cut");
        const answer = this.#answer(key, asked);
        // The answers below are those that the questions ask for.
        if (answer.type === type) return answer as never;
        throw new MusterError("protocol_error", `answered with ${answer.type}`);
      },
    };
  }

  connect(peer: OpenedPeer): void {
    this.#peers.set(peer.key, peer);
    this.#open.add(peer.key);
    this.#deaf.delete(peer.key);
    peer.connected();
    for (const kept of this.#kept.get(peer.key)?.splice(0) ?? []) this.#tell(peer.key, kept);
  }

  cut(peer: OpenedPeer): void {
    this.#open.delete(peer.key);
  }

  /** What it would hear is kept, until it is connected anew. */
  deafen(peer: OpenedPeer): void {
    this.#deaf.add(peer.key);
  }

  hasTakenAll(peer: OpenedPeer): boolean {
    return this.#taken.get(peer.key) === this.#relayed.get(peer.key);
  }

  #answer(by: string, asked: Asked): HubToClient {
    if (asked.type === "create_pairing") {
      // Another name for each, as a hub gives while their time is not over.
      const mailbox = `A${LETTERS[this.#mailboxes++ % LETTERS.length] ?? "B"}`;
      this.#mailbox = { name: mailbox, maker: by, joiner: undefined };
      const expires_at = "2026-11-20T09:00:00Z";
      return { type: "mailbox", id: "1", mailbox, expires_at, reach: "anyone" };
    }
    if (asked.type === "join_pairing" && this.#mailbox !== undefined) this.#mailbox.joiner = by;
    if (asked.type === "paired") this.#pinned(by, asked.peer);
    if (asked.type !== "send") return { type: "done", id: "1" };
    this.#relayed.set(asked.to, ++this.#lastRelay);
    this.#tell(asked.to, { type: "relay", relay_id: this.#lastRelay, from: by, payload: asked.payload });
    return { type: "relayed", id: "1", held: false };
  }

  #pinned(by: string, peer: string): void {
    this.#pins.add(`${by} ${peer}`);
    if (!this.#pins.has(`${peer} ${by}`)) return;
    this.#tell(by, { type: "paired", peer });
    this.#tell(peer, { type: "paired", peer: by });
  }

  #join(by: string, payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | "closed" {
    const wish = readSessionWish(payload);
    if (!this.#open.has(by) || wish === undefined || !("peerKey" in wish)) return "closed";
    const [near, far] = [new MemoryStream(), new MemoryStream()];
    near.join(far, (bytes) => queueMicrotask(() => far.receive(bytes)));
    far.join(near, (bytes) => queueMicrotask(() => near.receive(bytes)));
    near.adopt(events);
    const peer = this.#open.has(wish.peerKey) ? this.#peers.get(wish.peerKey) : undefined;
    const caller = fromBase64Url(this.calledBy ?? by) ?? new Uint8Array(0);
    const taken = peer?.opened(far, encodeSessionCall(wish.purpose, caller));
    if (taken === undefined) queueMicrotask(() => near.receiveReset(SESSION_RESET.offline));
    else far.adopt(taken);
    return near;
  }

  #pass(by: string, payload: string): void {
    const { name: mailbox = "", maker, joiner } = this.#mailbox ?? {};
    const to = by === maker ? joiner : maker;
    if (to !== undefined) this.#tell(to, { type: "pairing_message", mailbox, payload });
  }

  /** A turn later, as a network would. */
  #tell(to: string, message: HubToClient): void {
    queueMicrotask(() => {
      if (this.#open.has(to) && !this.#deaf.has(to)) return this.#peers.get(to)?.heard(message);
      if (message.type === "relay") this.#kept.set(to, [...(this.#kept.get(to) ?? []), message]);
    });
  }
}
