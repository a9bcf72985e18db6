import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { concat, fromHex, toHex, utf8 } from "../../protocol/bytes.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { refusal, rejection } from "../refusal.fixture.ts";
import { hpkeKey, hpkeOpen, hpkeSeal } from "./hpke.ts";
import { EPOCH, mailer } from "./message.fixture.ts";
import { openAck, openMessage, sealAck, sealMessage, verifySealed } from "./message.ts";
import type { SealedAck, SealedMessage } from "./message.ts";
import { formatSealed, parseSealed, SEALED_MESSAGE_MAX_BYTES } from "./message-bytes.ts";

const anna = await mailer("anna");
const ben = await mailer("ben");
const PLACE = { outboxEpoch: EPOCH, sequence: 1, messageId: "m1" };
const TEXT = { ...PLACE, kind: "text", body: utf8("the plain words") };

function travelled<Kind extends SealedMessage | SealedAck>(message: Kind): Kind {
  const parsed = parseSealed(formatSealed(message));
  // What was formatted as one kind parses as that kind; the test would fail below otherwise.
  return parsed as Kind;
}

test("a message opens at the one it is for, as it was", async () => {
  const message = travelled(await sealMessage(anna, ben.address(), TEXT));
  expect(await openMessage(ben.openerFor(anna), ben.keys, message)).toEqual(TEXT.body);
});

test("every sealing is another: the same words twice look unlike", async () => {
  const [first, second] = [
    await sealMessage(anna, ben.address(), TEXT),
    await sealMessage(anna, ben.address(), TEXT),
  ];
  expect(toHex(first.sealed.subarray(0, 32))).not.toBe(toHex(second.sealed.subarray(0, 32)));
});

test("messages of any size up to 1 MiB", async () => {
  for (const size of [0, 1, RELAY_MESSAGE_MAX_BYTES]) {
    const body = new Uint8Array(size).fill(3);
    const message = await sealMessage(anna, ben.address(), { ...TEXT, body });
    expect(formatSealed(message).length).toBeLessThanOrEqual(SEALED_MESSAGE_MAX_BYTES);
    expect(await openMessage(ben.openerFor(anna), ben.keys, travelled(message))).toEqual(body);
  }
  const body = new Uint8Array(RELAY_MESSAGE_MAX_BYTES + 1);
  expect(await rejection(sealMessage(anna, ben.address(), { ...TEXT, body }))).toStartWith("too_large: ");
});

test("an acknowledgement brings the next receive key, under seal", async () => {
  const told = { receiveKey: anna.crypto.x25519PublicKey(new Uint8Array(32).fill(9)), madeAt: 2 ** 41 };
  const ack = await sealAck(ben, anna.address(), { ...PLACE, ...told });
  expect(toHex(formatSealed(ack))).not.toContain(toHex(told.receiveKey));
  expect(await openAck(anna.openerFor(ben), anna.keys, travelled(ack))).toEqual(told);
});

test("an acknowledgement is no message and brings exactly one key", async () => {
  const ack = await sealAck(ben, anna.address(), { ...PLACE, receiveKey: utf8("not a key"), madeAt: 1 });
  expect(await rejection(openAck(anna.openerFor(ben), anna.keys, ack))).toStartWith("protocol_error: ");
  const posing: SealedMessage = { ...ack, type: "message", kind: "text" };
  expect(await rejection(openMessage(anna.openerFor(ben), anna.keys, posing))).toStartWith("bad_signature: ");
});

test("who is addressed, who signed and which key it names are each told apart", async () => {
  const cara = await mailer("cara");
  const message = await sealMessage(anna, ben.address(), TEXT);
  const open = (opener: Parameters<typeof openMessage>[0], m = message): Promise<string> =>
    rejection(openMessage(opener, ben.keys, m));
  expect(await open({ ...ben.openerFor(anna), ownKey: cara.signer.publicKey })).toStartWith(
    "wrong_recipient: ",
  );
  expect(await open(ben.openerFor(cara))).toStartWith("bad_signature: ");
  const foreign = { identityKey: ben.signer.publicKey, receiveKey: cara.address().receiveKey };
  expect(await open(ben.openerFor(anna), await sealMessage(anna, foreign, TEXT))).toStartWith(
    "receive_key_unknown: ",
  );
});

test("a message to an erased key is named so", async () => {
  const dora = await mailer("dora");
  const message = await sealMessage(anna, dora.address(), TEXT);
  await dora.addKey(1000);
  dora.keys.erase(9 * 24 * 3_600_000, null);
  expect(await rejection(openMessage(dora.openerFor(anna), dora.keys, message))).toStartWith(
    "receive_key_erased: ",
  );
});

test("sealed bytes signed by the right one for another key do not open", async () => {
  const message = await sealMessage(anna, ben.address(), TEXT);
  const [known] = ben.keys.rows;
  if (known === undefined) throw new Error("ben has no key");
  await ben.addKey(5);
  const other = ben.keys.newest;
  if (other === undefined) throw new Error("ben has no key");
  const find = { find: () => other };
  expect(await rejection(openMessage(ben.openerFor(anna), find, message))).toStartWith("seal_broken: ");
});

test("a receive key that is none is named when sealing", async () => {
  for (const receiveKey of [new Uint8Array(32), new Uint8Array(31)]) {
    const to = { identityKey: ben.signer.publicKey, receiveKey };
    expect(await rejection(sealMessage(anna, to, TEXT))).toStartWith("seal_broken: ");
  }
});

test("any bit changed on the way is refused before anything is opened", async () => {
  const message = await sealMessage(anna, ben.address(), TEXT);
  const whole = formatSealed(message);
  fc.assert(
    fc.property(fc.nat(8 * whole.length - 1), (bit) => {
      const changed = whole.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const said = refusal(() => verifySealed(ben.openerFor(anna), parseSealed(changed)));
      expect(said).toMatch(/^(protocol_error|wrong_recipient|bad_signature): /);
    }),
    { seed: 21, numRuns: 400 },
  );
});

test("bytes cut short or followed by others are refused", async () => {
  const whole = formatSealed(await sealMessage(anna, ben.address(), TEXT));
  for (let length = 0; length < whole.length; length++) {
    expect(refusal(() => parseSealed(whole.subarray(0, length)))).toStartWith("protocol_error: ");
  }
  expect(refusal(() => parseSealed(concat(whole, new Uint8Array(1))))).toStartWith("protocol_error: ");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(refusal(() => parseSealed(bytes))).toStartWith("protocol_error: ");
    }),
    { seed: 22, numRuns: 200 },
  );
});

test("what was read is its own copy, also of a Buffer", async () => {
  const whole = Buffer.from(formatSealed(await sealMessage(anna, ben.address(), TEXT)));
  const message = parseSealed(whole);
  whole.fill(0);
  verifySealed(ben.openerFor(anna), message);
});

test("HPKE opens the first text of RFC 9180, appendix A.1's key pair and share", async () => {
  // The RFC's own test is for AES-128; the key encapsulation is the same, and its share comes of the ikm.
  const ikmE = "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234";
  const enc = "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431";
  const skR = "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8";
  const pkR = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d";
  const info = utf8("Ode on a Grecian Urn");
  const publicKey = hex(pkR);
  const sealed = await hpkeSeal(() => hex(ikmE), { publicKey, info }, utf8("Beauty is truth, truth beauty"));
  expect(toHex(sealed.subarray(0, 32))).toBe(enc);
  const key = await hpkeKey(globalThis.crypto.subtle, { publicKey, secret: hex(skR) });
  expect(await hpkeOpen({ key, info }, sealed)).toEqual(utf8("Beauty is truth, truth beauty"));
  expect(await hpkeOpen({ key, info: utf8("another") }, sealed)).toBeUndefined();
  expect(await hpkeOpen({ key, info }, sealed.subarray(0, 40))).toBeUndefined();
});

function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error("not hex");
  return bytes;
}
