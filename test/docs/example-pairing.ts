// The pairing, the sealed messages and the session that stand in docs/protocol.md as examples: made by the code, from keys and
// randomness whose bytes are all the same, so that a client in another language can make them too.
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import type { Crypto } from "../../src/identity/crypto.ts";
import { PairingJoiner } from "../../src/identity/pairing/joiner.ts";
import { PairingMaker } from "../../src/identity/pairing/maker.ts";
import { cpaceInput, sentBy } from "../../src/identity/pairing/pairing-run.ts";
import { formatSealed } from "../../src/identity/sealed/message-bytes.ts";
import { sealAck, sealMessage } from "../../src/identity/sealed/message.ts";
import { NoiseHandshake } from "../../src/identity/sealed/noise.ts";
import { framed } from "../../src/identity/sealed/record-reader.ts";
import { RECORD } from "../../src/identity/sealed/records.ts";
import { nodeDhKey, nodeSessionCrypto } from "../../src/identity/sealed/session-crypto-node.ts";
import { concat, lv, toBase64Url, utf8 } from "../../src/protocol/bytes.ts";

export const filled = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);

/** Randomness of which every byte is the same. */
export function cryptoOf(byte: number): Crypto {
  return nodeCrypto((length) => filled(byte, length));
}

const plain = cryptoOf(0);
export const hubKey = plain.ed25519Signer(filled(2)).publicKey;

interface Side {
  seed: number;
  link: number;
  receive: number;
  random: number;
  nickname: string;
  kind: "laptop" | "browser";
}

export const MAKER: Side = { seed: 1, link: 7, receive: 8, random: 12, nickname: "Anna", kind: "laptop" };
export const JOINER: Side = { seed: 9, link: 10, receive: 11, random: 13, nickname: "Ben", kind: "browser" };
const MAILBOX = "K7";
const LETTERS = "Q2MX";

const x25519 = (byte: number): Uint8Array => plain.x25519PublicKey(filled(byte));
const signerOf = (side: Side) => plain.ed25519Signer(filled(side.seed));

function optionsOf(side: Side) {
  return {
    crypto: cryptoOf(side.random),
    clock: { now: () => 0, monotonic: () => 0 },
    signer: signerOf(side),
    hubKey,
    mailbox: MAILBOX,
    version: 1,
    own: {
      linkKey: x25519(side.link),
      receiveKey: x25519(side.receive),
      nickname: side.nickname,
      kind: side.kind,
    },
  };
}

/** What the two say, and what they end with. */
export async function examplePairing() {
  const maker = new PairingMaker(optionsOf(MAKER), { letters: LETTERS });
  const joiner = new PairingJoiner(optionsOf(JOINER), { way: "code", letters: LETTERS });
  const join = joiner.join();
  const offer = maker.offer(join);
  const answer = await joiner.answer(offer);
  const { confirm, peer } = await maker.finish(answer);
  joiner.finish(confirm);
  const input = cpaceInput(optionsOf(MAKER), {
    way: "code",
    secret: utf8(LETTERS),
    makerHalf: offer.session,
    joinerHalf: join.session,
  });
  return {
    join,
    offer,
    answer,
    confirm,
    safety: peer.safetyWords.join(" "),
    channel: input.channel,
    makerData: sentBy("maker", offer.share, offer.side).data,
    joinerData: sentBy("joiner", answer.share, answer.side).data,
  };
}

const PLACE = { outboxEpoch: filled(14, 16), sequence: 1, messageId: toBase64Url(filled(15, 16)) };

/** The maker's first message to the joiner, and its acknowledgement with the joiner's next receive key. */
export async function exampleMessages() {
  const [maker, joiner] = [signerOf(MAKER), signerOf(JOINER)];
  const message = await sealMessage(
    { crypto: cryptoOf(16), signer: maker },
    { identityKey: joiner.publicKey, receiveKey: x25519(JOINER.receive) },
    { ...PLACE, kind: "text", body: utf8("hello") },
  );
  const ack = await sealAck(
    { crypto: cryptoOf(17), signer: joiner },
    { identityKey: maker.publicKey, receiveKey: x25519(MAKER.receive) },
    { ...PLACE, receiveKey: x25519(18), madeAt: 1_795_000_000_000 },
  );
  return { message: formatSealed(message), ack: formatSealed(ack) };
}

/** The handshake of a live session, the maker calling, and its first two records. */
export async function exampleSession() {
  const [maker, joiner] = [signerOf(MAKER), signerOf(JOINER)];
  const crypto = nodeSessionCrypto(plain);
  const prologue = concat(
    ...[utf8("muster/v1/session"), maker.publicKey, joiner.publicKey, utf8("stream")].map(lv),
  );
  const end = (role: "initiator" | "responder", keys: { own: number; their: number; ephemeral: number }) =>
    new NoiseHandshake({
      crypto,
      pattern: "KK",
      role,
      prologue,
      ownKey: nodeDhKey(plain, filled(keys.own)),
      theirKey: x25519(keys.their),
      ephemeral: nodeDhKey(plain, filled(keys.ephemeral)),
    });
  const caller = end("initiator", { own: MAKER.link, their: JOINER.link, ephemeral: 19 });
  const callee = end("responder", { own: JOINER.link, their: MAKER.link, ephemeral: 20 });
  const first = await caller.write(new Uint8Array(0));
  await callee.read(first);
  const second = await callee.write(new Uint8Array(0));
  await caller.read(second);
  const { send, hash } = await caller.finish();
  const start = await send.seal(Uint8Array.of(RECORD.start));
  const last = await send.seal(concat(Uint8Array.of(RECORD.last), utf8("hello")));
  return { first: framed(first), second: framed(second), hash, start: framed(start), last: framed(last) };
}
