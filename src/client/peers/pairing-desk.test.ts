import { expect, test } from "bun:test";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { rejection } from "../../identity/refusal.fixture.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ClientMessage, HubMessage, HubToClient } from "../../protocol/messages.ts";
import { formatPairingCode } from "../../protocol/pairing-code.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { memoryPeerStore } from "./memory-store.ts";
import { PairingDesk } from "./pairing-desk.ts";
import type { PeerHub } from "./peer-hub.ts";
import { rawReceiveKeys } from "./receive-ring.ts";

const MAILBOX = "AB";
const ANSWER_MS = 8_000;
const WISH = { petname: undefined, verified: false };
const crypto = nodeCrypto((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));
const hubKey = crypto.ed25519Signer(crypto.randomBytes(32)).publicKey;

type Answer = () => HubToClient | Promise<HubToClient>;

async function side(answer: Answer, tell: (message: HubMessage<"pairing_message">) => void = () => {}) {
  const store = await memoryPeerStore();
  const time = new FakeTime();
  const sent: string[] = [];
  const hub: PeerHub = {
    isConnected: () => true,
    send(message) {
      sent.push(message.type);
      // The mailbox carries it, and nothing else is told here.
      if (message.type === "pairing_message") tell(message satisfies ClientMessage<"pairing_message">);
      return true;
    },
    // Of the type that was asked for: each answer here is.
    request: async <Type extends HubToClient["type"]>() => (await answer()) as HubMessage<Type>,
  };
  const desk = new PairingDesk({
    store,
    clock: time,
    timers: time,
    crypto,
    signer: crypto.ed25519Signer(crypto.randomBytes(32)),
    hub,
    hubKey: () => hubKey,
    hubUrl: () => "https://hub.example",
    linkKey: crypto.x25519PublicKey(crypto.randomBytes(32)),
    makeReceiveKey: rawReceiveKeys(crypto),
    kind: "laptop",
    nickname: () => "a device",
    pinned() {},
  });
  return { desk, store, time, sent };
}

const turns = () => new Promise<void>((resolve) => setImmediate(resolve));

test("a try that failed late takes no later try of the same code along", async () => {
  const asked: PromiseWithResolvers<HubToClient>[] = [];
  const { desk, time, sent } = await side(() => {
    const answer = Promise.withResolvers<HubToClient>();
    asked.push(answer);
    return answer.promise;
  });
  const code = formatPairingCode({ mailbox: MAILBOX, secret: "ABCD" });
  const first = rejection(desk.join(code, WISH));
  await turns();
  time.advance(ANSWER_MS);
  const second = rejection(desk.join(code, WISH));
  await turns();
  asked[0]?.reject(new MusterError("hub_unreachable", "the hub did not answer"));
  expect(await first).toStartWith("pairing_failed");
  asked[1]?.resolve({ type: "done", id: "1" });
  await turns();
  expect(sent).toEqual(["pairing_message"]);
  desk.stop();
  await second;
});

test("a code that is taken back while its pairing is written down has paired", async () => {
  const written = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const maker = await side(
    () => ({
      type: "mailbox",
      id: "1",
      mailbox: MAILBOX,
      expires_at: "2026-11-20T06:00:00.000Z",
      reach: "anyone",
    }),
    (message) => queueMicrotask(() => joiner.desk.heard(message)),
  );
  const joiner = await side(
    () => ({ type: "done", id: "1" }),
    (message) => queueMicrotask(() => maker.desk.heard(message)),
  );
  const { change } = maker.store;
  maker.store.change = async (work) => {
    asked.resolve();
    await written.promise;
    return change(work);
  };
  const { code, mailbox } = await maker.desk.make({ ...WISH, reach: "anyone" });
  const outcome = maker.desk.outcome(mailbox);
  const joined = joiner.desk.join(code, WISH);
  await asked.promise;
  maker.desk.cancel(mailbox);
  written.resolve();
  expect((await outcome)?.petname).toBe("a-device");
  await joined;
  expect(await maker.store.peers.list()).toHaveLength(1);
  for (const { desk } of [maker, joiner]) desk.stop();
});
