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
  #open: PromiseWithResolvers<HubToClient>[] = [];
  connected = true;
  answers = false;

  isConnected = (): boolean => this.connected;

  request<Type extends HubToClient["type"]>(asked: Asked): Promise<HubMessage<Type>> {
    const answer = Promise.withResolvers<HubToClient>();
    if (asked.type === "send") this.asked.push(asked.message);
    if (this.answers) answer.resolve({ type: "relayed", id: "1", held: false });
    else this.#open.push(answer);
    // Of the kind that was asked for: nothing else is asked here.
    return answer.promise as Promise<HubMessage<Type>>;
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
  const key = toBase64Url(crypto.ed25519Signer(crypto.randomBytes(32)).publicKey);
  await store.peers.put({
    key,
    link_key: crypto.x25519PublicKey(crypto.randomBytes(32)),
    receive_key: crypto.x25519PublicKey(crypto.randomBytes(32)),
    receive_key_at: 0,
    nickname: "Ben",
    petname: "ben",
    kind: "laptop",
    safety: "one two three four five",
    verified: 0,
    since: 0,
    state: "paired",
    epoch: crypto.randomBytes(16),
    next_sequence: 1,
  });
  const hub = new Hub();
  const options = { store, clock: time, timers: time, crypto, signer, hub, log: SILENT_LOG };
  const made = new Sender({ ...options, changed: () => {}, waits: () => {} });
  const queue = queueing(store, () => time.now());
  const say = (id: string) => queue({ id, peer: key, kind: "text", body: utf8("hello") });
  const state = async (id: string) => (await store.outbox.find(id))?.state;
  return { sender: made, hub, key, say, state, time };
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
