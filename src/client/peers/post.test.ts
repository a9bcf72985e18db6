import { expect, test } from "bun:test";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { sealMessage } from "../../identity/sealed/message.ts";
import { formatSealed } from "../../identity/sealed/message-bytes.ts";
import { equalBytes, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { memoryPeerStore } from "./memory-store.ts";
import { Post } from "./post.ts";
import { rawReceiveKeys } from "./receive-ring.ts";
import type { PeerRow } from "./rows.ts";

const crypto = nodeCrypto((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));

async function setting(state: PeerRow["state"]) {
  const store = await memoryPeerStore();
  const time = new FakeTime();
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const other = crypto.ed25519Signer(crypto.randomBytes(32));
  const post = new Post({
    store,
    clock: time,
    timers: time,
    crypto,
    subtle: globalThis.crypto.subtle,
    signer,
    makeReceiveKey: rawReceiveKeys(crypto),
    hub: { isConnected: () => false, send: () => false, request: () => Promise.reject(new Error("away")) },
    notices: { set() {}, clear() {} },
    log: SILENT_LOG,
  });
  const peer: PeerRow = {
    key: toBase64Url(other.publicKey),
    link_key: new Uint8Array(32),
    receive_key: crypto.x25519PublicKey(crypto.randomBytes(32)),
    receive_key_at: 0,
    nickname: "Ben",
    petname: "ben",
    kind: "laptop",
    safety: "one two three four five",
    verified: 0,
    since: 0,
    state,
    epoch: crypto.randomBytes(16),
    next_sequence: 1,
  };
  await store.peers.put(peer);
  return { post, store, peer, time, signer, other };
}

/** What the hub's word leads to, where `meanwhile` comes so many turns after it. */
async function afterNotPaired(
  { post, store, peer }: Awaited<ReturnType<typeof setting>>,
  turns: number,
  meanwhile: () => Promise<void>,
): Promise<PeerRow["state"] | "gone"> {
  post.heard({ type: "not_paired", peer: peer.key });
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  await meanwhile();
  // Whatever is still under way comes before this.
  await new Promise<void>((resolve) => setImmediate(resolve));
  post.stop();
  return (await store.peers.find(peer.key))?.state ?? "gone";
}

test("a pairing that is ended here in any turn in which the hub says it is over stays ended", async () => {
  for (let turns = 0; turns < 30; turns++) {
    const made = await setting("paired");
    const state = await afterNotPaired(made, turns, () => made.post.unpair(made.peer));
    expect({ turns, state }).toEqual({ turns, state: "leaving" });
  }
});

test("a pairing that begins anew in any turn in which the hub says that the former one is over stays", async () => {
  for (let turns = 0; turns < 30; turns++) {
    const made = await setting("leaving");
    const { store, peer } = made;
    const state = await afterNotPaired(made, turns, () => store.peers.put({ ...peer, state: "pinned" }));
    expect({ turns, state }).toEqual({ turns, state: "pinned" });
  }
});

test("a pairing is ended together with the word to its peer, or not at all", async () => {
  const { post, store, peer } = await setting("paired");
  const { change } = store;
  let commits = 0;
  store.change = (work) => {
    commits += 1;
    return commits === 1 ? change(work) : Promise.reject(new MusterError("storage_full", "the disk is full"));
  };
  await post.unpair(peer).catch(() => {});
  const said = await store.outbox.queued(peer.key, { after: 0, limit: 9 });
  const state = (await store.peers.find(peer.key))?.state;
  expect([state, said.map(({ kind }) => kind)]).toEqual(["leaving", ["control"]]);
  post.stop();
});

test("what begins anew for a peer, and could not be written down, begins when it can", async () => {
  const { post, store, peer, time, signer, other } = await setting("paired");
  const { change } = store;
  let refusals = 0;
  store.change = (work) =>
    change((rows) => {
      const renumber: typeof rows.outbox.renumber = (...given) => {
        refusals += 1;
        if (refusals > 1) return rows.outbox.renumber(...given);
        return Promise.reject(new MusterError("storage_full", "the disk is full"));
      };
      return work({ ...rows, outbox: { ...rows.outbox, renumber } });
    });
  // To a key that this device has told in another life.
  const target = {
    identityKey: signer.publicKey,
    receiveKey: crypto.x25519PublicKey(crypto.randomBytes(32)),
  };
  const message = { outboxEpoch: crypto.randomBytes(16), sequence: 1, messageId: "m", kind: "text" } as const;
  const sealed = await sealMessage({ crypto, signer: other }, target, { ...message, body: utf8("hello") });
  post.heard({ type: "relay", relay_id: 1, from: peer.key, payload: toBase64Url(formatSealed(sealed)) });
  const isAnew = async (): Promise<boolean> => {
    time.advance(1_000);
    return !equalBytes((await store.peers.find(peer.key))?.epoch ?? peer.epoch, peer.epoch);
  };
  for (let turn = 0; turn < 1_000 && !(await isAnew()); turn++)
    await new Promise((soon) => setImmediate(soon));
  expect([await isAnew(), refusals]).toEqual([true, 2]);
  post.stop();
});
