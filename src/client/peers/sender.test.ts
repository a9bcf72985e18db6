import { expect, test } from "bun:test";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { HubMessage, HubToClient } from "../../protocol/messages.ts";
import { FakeTime } from "../../trunk/testing.ts";
import type { Asked } from "../connection.ts";
import { memoryPeerStore } from "./memory-store.ts";
import type { PeerHub } from "./peer-hub.ts";
import { queueing } from "./queueing.ts";
import { Sender } from "./sender.ts";

const crypto = nodeCrypto((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));

/** A hub that answers nothing until it is told to, and whose session can end. */
class Hub implements Pick<PeerHub, "request" | "isConnected"> {
  readonly asked: string[] = [];
  /** At once, the most of all times. */
  readonly most = { count: 0, bytes: 0 };
  #now = { count: 0, bytes: 0 };
  #open: PromiseWithResolvers<HubToClient>[] = [];
  connected = true;
  answers = false;

  isConnected = (): boolean => this.connected;

  request<Type extends HubToClient["type"]>(asked: Asked): Promise<HubMessage<Type>> {
    const answer = Promise.withResolvers<HubToClient>();
    if (asked.type === "send") {
      this.asked.push(asked.message);
      this.#count(1, asked.payload.length);
      const over = (): void => this.#count(-1, -asked.payload.length);
      answer.promise.then(over, over);
    }
    if (this.answers) answer.resolve({ type: "relayed", id: "1", held: false });
    else this.#open.push(answer);
    // Of the kind that was asked for: nothing else is asked here.
    return answer.promise as Promise<HubMessage<Type>>;
  }

  /** The oldest that waits. */
  answer(): void {
    this.#open.shift()?.resolve({ type: "relayed", id: "1", held: false });
  }

  #count(count: number, bytes: number): void {
    this.#now.count += count;
    this.#now.bytes += bytes;
    this.most.count = Math.max(this.most.count, this.#now.count);
    this.most.bytes = Math.max(this.most.bytes, this.#now.bytes);
  }

  cut(): void {
    for (const { reject } of this.#open) reject(new MusterError("hub_unreachable", "the wire is cut"));
    this.#open = [];
  }
}

async function sender() {
  const time = new FakeTime();
  const store = await memoryPeerStore();
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  /** Its key. */
  const pair = async (petname: string): Promise<string> => {
    const key = toBase64Url(crypto.ed25519Signer(crypto.randomBytes(32)).publicKey);
    await store.peers.put({
      key,
      link_key: crypto.x25519PublicKey(crypto.randomBytes(32)),
      receive_key: crypto.x25519PublicKey(crypto.randomBytes(32)),
      receive_key_at: 0,
      nickname: petname,
      petname,
      kind: "laptop",
      safety: "one two three four five",
      verified: 0,
      since: 0,
      state: "paired",
      epoch: crypto.randomBytes(16),
      next_sequence: 1,
    });
    return key;
  };
  const key = await pair("ben");
  const hub = new Hub();
  const options = { store, clock: time, timers: time, crypto, signer, hub, log: SILENT_LOG };
  const made = new Sender({ ...options, changed: () => {}, waits: () => {} });
  const queue = queueing(store, () => time.now());
  const say = (id: string, peer = key, body = utf8("hello")) => queue({ id, peer, kind: "text", body });
  const state = async (id: string) => (await store.outbox.find(id))?.state;
  return { sender: made, hub, key, pair, say, state, store, time };
}

/** Sealing runs on threads of its own: what has not happened after so long does not happen by itself. */
async function happens(is: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let turn = 0; turn < 3_000; turn++) {
    if (await is()) return true;
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
  return false;
}

test("a session that begins in any turn of the former one's end sends what that one has left", async () => {
  for (let turns = 0; turns < 60; turns++) {
    const { sender: made, hub, key, say, state } = await sender();
    await say("m1");
    made.kick(key);
    await happens(() => hub.asked.length === 1);
    hub.cut();
    hub.answers = true;
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await made.connected();
    const isSent = await happens(async () => (await state("m1")) === "relayed");
    expect({ turns, isSent }).toEqual({ turns, isSent: true });
    made.stop();
  }
});

test("what the hub has not answered goes again in the same session", async () => {
  const { sender: made, hub, key, say, state, time } = await sender();
  await say("m1");
  made.kick(key);
  await happens(() => hub.asked.length === 1);
  // Too late, and not lost: there is no other session that would begin with it.
  hub.cut();
  hub.answers = true;
  const isSent = await happens(async () => {
    time.advance(100);
    return (await state("m1")) === "relayed";
  });
  expect(isSent).toBe(true);
  made.stop();
});

test("what is under way to all peers together is bounded, and all of it goes in the end", async () => {
  const { sender: made, hub, pair, say, state } = await sender();
  const ids: string[] = [];
  const sayTo = async (peer: string, body: Uint8Array): Promise<void> => {
    ids.push(`m${ids.length}`);
    await say(ids.at(-1) ?? "", peer, body);
  };
  for (const petname of ["a", "b", "c", "d", "e", "f"]) {
    const peer = await pair(petname);
    await sayTo(peer, new Uint8Array(700_000));
    for (let small = 0; small < 15; small++) await sayTo(peer, utf8("hello"));
  }
  await made.connected();
  const areSent = await happens(async () => {
    hub.answer();
    return (await Promise.all(ids.map(state))).every((one) => one === "relayed");
  });
  expect(areSent).toBe(true);
  expect(hub.most.count).toBeLessThanOrEqual(32);
  // As much as one line alone may have under way, and what sealing adds to it.
  expect(hub.most.bytes).toBeLessThan(2_000_000);
  expect(hub.asked.length).toBe(ids.length);
  made.stop();
});

test("what is dropped while it waits for room does not go", async () => {
  const { sender: made, hub, key, pair, say, state, store } = await sender();
  const other = await pair("other");
  await say("large", key, new Uint8Array(700_000));
  await say("dropped", other, new Uint8Array(700_000));
  await say("last", key, new Uint8Array(700_000));
  made.kick(key);
  await happens(() => hub.asked.length === 1);
  made.kick(other);
  // Until it waits.
  await new Promise<void>((resolve) => setImmediate(resolve));
  await store.outbox.drop(other);
  const isOver = await happens(async () => {
    hub.answer();
    return (await state("last")) === "relayed";
  });
  expect({ isOver, asked: hub.asked }).toEqual({ isOver: true, asked: ["large", "last"] });
  made.stop();
});
