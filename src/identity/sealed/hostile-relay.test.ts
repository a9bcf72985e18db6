// A relay that carries sealed sessions and messages and does what it likes with them. Each thing it does is
// noticed and has a name, and nothing that it saw holds a word of what was said.

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { concat, toBase64Url, toHex, utf8 } from "../../protocol/bytes.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import { signedBytes } from "../../protocol/signed.ts";
import { rejection } from "../refusal.fixture.ts";
import { CommandChecker, CommandSigner } from "./commands.ts";
import { EPOCH, mailer } from "./message.fixture.ts";
import { openMessage, sealMessage } from "./message.ts";
import { formatSealed, parseSealed } from "./message-bytes.ts";
import { RecordReader, framed } from "./record-reader.ts";
import { end, join, open, party, until } from "./session.fixture.ts";
import type { TestEnd } from "./session.fixture.ts";

const WORDS = "the-plain-words-of-this-test";

/** The records that one end has written. */
function recordsOf(side: TestEnd): Uint8Array[] {
  const reader = new RecordReader();
  reader.push(side.wire.bytes);
  const records: Uint8Array[] = [];
  for (let record = reader.next(); record !== undefined; record = reader.next()) records.push(record);
  return records;
}

/** An open session whose further records from a to b go through a hand that may change the list. */
async function tampered(change: (records: Uint8Array[]) => Uint8Array[]): Promise<TestEnd> {
  const { a, b } = await open();
  const before = recordsOf(a).length;
  a.wire.onWrite = () => undefined;
  for (const word of ["one", "two", "three"]) a.session.send(utf8(word));
  await until(() => recordsOf(a).length === before + 3);
  for (const record of change(recordsOf(a).slice(before))) b.session.streamEvents.data(framed(record));
  b.session.streamEvents.close();
  await until(() => b.problem !== undefined);
  return b;
}

type Change = (records: Uint8Array[]) => Uint8Array[];
const RELAYS: [string, Change, string[], ErrorCode][] = [
  ["changes nothing", (r) => r, ["one", "two", "three"], "session_cut"],
  ["drops the first", (r) => r.slice(1), [], "seal_broken"],
  ["drops one in between", ([x, , z]) => pick(x, z), ["one"], "seal_broken"],
  ["drops the last: the missing end tells", (r) => r.slice(0, 2), ["one", "two"], "session_cut"],
  ["reorders", ([x, y, z]) => pick(x, z, y), ["one"], "seal_broken"],
  ["replays", ([x, y]) => pick(x, x, y), ["one"], "seal_broken"],
  ["shortens a record", ([x, y]) => pick(x, y?.subarray(1)), ["one"], "seal_broken"],
  ["empties a record", ([x]) => pick(x, new Uint8Array(0)), ["one"], "seal_broken"],
  ["splices two", ([x, y]) => pick(concat(x ?? EPOCH, y ?? EPOCH)), [], "seal_broken"],
  ["injects a byte", ([x, y]) => pick(x, concat(y ?? EPOCH, Uint8Array.of(7))), ["one"], "seal_broken"],
  ["invents a record", (r) => [new Uint8Array(64), ...r], [], "seal_broken"],
];

for (const [what, change, taken, named] of RELAYS)
  test(`a relay that ${what}`, async () => {
    const b = await tampered(change);
    expect(b.messages.map((bytes) => new TextDecoder().decode(bytes))).toEqual(taken);
    expect(b.problem?.code).toBe(named);
    expect(b.wire.closed).toBe(true);
  });

function pick(...records: (Uint8Array | undefined)[]): Uint8Array[] {
  return records.filter((record) => record !== undefined);
}

test("records in any other order, some twice, some not at all: what stood in its place is taken, and the cut is named", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(2), { maxLength: 6 }), async (order) => {
      const b = await tampered((records) => pick(...order.map((at) => records[at])));
      const inPlace = order.findIndex((at, place) => at !== place);
      const taken = inPlace === -1 ? order.length : inPlace;
      expect(b.messages.map((bytes) => new TextDecoder().decode(bytes))).toEqual(
        ["one", "two", "three"].slice(0, taken),
      );
      expect(b.problem?.code).toBe(inPlace === -1 ? "session_cut" : "seal_broken");
    }),
    { seed: 40, numRuns: 60 },
  );
});

test("any bit of any record changed: what was before it is taken, nothing after it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(2), fc.nat(10_000), async (which, bit) => {
      const b = await tampered((records) =>
        records.map((record, at) => (at === which ? flipped(record, bit) : record)),
      );
      expect([b.messages.length, b.problem?.code]).toEqual([which, "seal_broken"]);
    }),
    { seed: 41, numRuns: 40 },
  );
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice();
  const at = (bit >> 3) % bytes.length;
  changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

test("records of one session do not open in another, nor in the other direction", async () => {
  const [first, second] = [await open(), await open()];
  const before = recordsOf(first.a).length;
  first.a.session.send(utf8("one"));
  await until(() => recordsOf(first.a).length === before + 1);
  const record = framed(recordsOf(first.a).at(-1) ?? new Uint8Array(0));
  second.b.session.streamEvents.data(record);
  first.a.session.streamEvents.data(record);
  await until(() => second.b.problem !== undefined && first.a.problem !== undefined);
  expect([second.b.problem?.code, first.a.problem?.code]).toEqual(["seal_broken", "seal_broken"]);
});

test("a first message replayed later opens nothing: no word is sent to it", async () => {
  const { a } = await open();
  const [anna, ben] = [await party("anna"), await party("ben")];
  const again = end(ben, anna, { role: "responder" });
  again.session.send(utf8(WORDS));
  for (const record of recordsOf(a)) again.session.streamEvents.data(framed(record));
  await until(() => again.problem !== undefined);
  expect([again.problem?.code, again.told]).toEqual(["seal_broken", ["close: seal_broken"]]);
  expect(recordsOf(again)).toHaveLength(1);
});

test("a device put in the other's place, or another kind of session, is refused", async () => {
  const [anna, ben, eve] = [await party("anna"), await party("ben"), await party("eve")];
  const cases = [
    [end(eve, ben, { role: "initiator" }), end(ben, anna, { role: "responder" })],
    [end(anna, ben, { role: "initiator" }), end(eve, anna, { role: "responder" })],
    [
      end(anna, ben, { role: "initiator", kind: "file" }),
      end(ben, anna, { role: "responder", kind: "shell" }),
    ],
    [
      end({ ...anna, identityKey: eve.identityKey }, ben, { role: "initiator" }),
      end(ben, anna, { role: "responder" }),
    ],
    [end(anna, ben, { role: "initiator" }), end(ben, eve, { role: "responder" })],
  ] as const;
  for (const [a, b] of cases) {
    join(a, b);
    await until(() => b.problem !== undefined);
    expect([b.problem?.code, b.told]).toEqual(["seal_broken", ["close: seal_broken"]]);
    expect(a.hash).toBeUndefined();
  }
});

test("both sides as initiator, or what is no handshake at all, is refused", async () => {
  const [anna, ben] = [await party("anna"), await party("ben")];
  const [a, b] = [end(anna, ben, { role: "initiator" }), end(ben, anna, { role: "initiator" })];
  join(a, b);
  await until(() => a.problem !== undefined && b.problem !== undefined);
  expect([a.problem?.code, b.problem?.code]).toEqual(["seal_broken", "seal_broken"]);
  for (const bytes of [new Uint8Array(2), framed(new Uint8Array(48)), framed(new Uint8Array(65_535))]) {
    const c = end(ben, anna, { role: "responder" });
    c.session.streamEvents.data(bytes);
    await until(() => c.problem !== undefined);
    expect(c.problem?.code).toBe("seal_broken");
  }
});

test("a session cut at any byte is a cut, and gives only whole messages", async () => {
  const { a, b: whole } = await open();
  for (const word of ["one", "two"]) a.session.send(utf8(word));
  a.session.end();
  await until(() => whole.told.includes("end"));
  const all = a.wire.bytes;
  await fc.assert(
    fc.asyncProperty(fc.nat(all.length - 1), async (length) => {
      const { a: from, b } = await open();
      const start = from.wire.bytes.length;
      from.wire.onWrite = () => undefined;
      for (const word of ["one", "two"]) from.session.send(utf8(word));
      from.session.end();
      await until(() => from.wire.bytes.length === all.length);
      b.session.streamEvents.data(from.wire.bytes.subarray(start, Math.max(start, length)));
      b.session.streamEvents.close();
      await until(() => b.problem !== undefined);
      expect(b.problem?.code).toBe("session_cut");
      expect(b.told).not.toContain("end");
    }),
    { seed: 42, numRuns: 25 },
  );
});

test("a command taken out of its session is worth nothing in another", async () => {
  const [first, second] = [await open(), await open()];
  const box = await mailer("controller");
  const device = await mailer("device");
  const session = {
    crypto: box.crypto,
    sessionHash: first.a.hash ?? EPOCH,
    signerKey: box.signer.publicKey,
    deviceKey: device.signer.publicKey,
  };
  const wish = { logId: new Uint8Array(32), commandId: "c", kind: "exec", request: "{}" };
  const { command } = await new CommandSigner(session, box.signer).sign(wish);
  expect(new CommandChecker({ ...session, sessionHash: first.b.hash ?? EPOCH }).check(command).wish).toEqual(
    wish,
  );
  const elsewhere = new CommandChecker({ ...session, sessionHash: second.b.hash ?? EPOCH });
  expect(() => elsewhere.check(command)).toThrow("is not signed for this session");
});

test("the sealed part of one message in the place of another's, and a key swapped, are named", async () => {
  const [anna, ben, eve] = [await mailer("anna"), await mailer("ben"), await mailer("eve")];
  const text = (n: number): Parameters<typeof sealMessage>[2] => ({
    outboxEpoch: EPOCH,
    sequence: n,
    messageId: `m${n}`,
    kind: "text",
    body: utf8(`${WORDS} ${n}`),
  });
  const [first, second] = [
    await sealMessage(anna, ben.address(), text(1)),
    await sealMessage(anna, ben.address(), text(2)),
  ];
  const opener = ben.openerFor(anna);
  const attacks = [
    { ...first, sealed: second.sealed },
    { ...first, sequence: 2 },
    { ...first, messageId: "m2" },
    { ...first, outboxEpoch: new Uint8Array(16) },
    { ...first, kind: "unpair" },
    { ...first, receiveKeyId: new Uint8Array(32) },
    { ...first, senderKey: eve.signer.publicKey },
    { ...(await sealMessage(eve, ben.address(), text(1))), senderKey: anna.signer.publicKey },
    await sealMessage(eve, ben.address(), text(1)),
  ];
  for (const message of attacks) {
    expect(await rejection(openMessage(opener, ben.keys, message))).toStartWith("bad_signature: ");
  }
  // The hub signs the sealed bytes of another as its own: they are bound to who sealed them.
  const resigned = { ...first, senderKey: eve.signer.publicKey };
  const { senderKey, recipientKey, receiveKeyId, outboxEpoch, sequence, messageId, kind } = resigned;
  const bytes = signedBytes("message", {
    senderKey,
    recipientKey,
    receiveKeyId,
    outboxEpoch,
    sequence,
    messageId,
    kind,
    sealedHash: eve.crypto.sha256(resigned.sealed),
  });
  const stolen = { ...resigned, signature: await eve.signer.sign(bytes) };
  expect(await rejection(openMessage(ben.openerFor(eve), ben.keys, stolen))).toStartWith("seal_broken: ");
});

test("nothing that was relayed holds a word of what was said", async () => {
  const { a, b } = await open();
  a.session.send(utf8(WORDS.repeat(100)));
  b.session.send(utf8(WORDS));
  await until(() => a.messages.length === 1 && b.messages.length === 1);
  const [anna, ben] = [await mailer("anna"), await mailer("ben")];
  const message = await sealMessage(anna, ben.address(), {
    outboxEpoch: EPOCH,
    sequence: 1,
    messageId: "m1",
    kind: "text",
    body: utf8(WORDS),
  });
  expect(new TextDecoder().decode(await openMessage(ben.openerFor(anna), ben.keys, message))).toBe(WORDS);
  const relayed = concat(a.wire.bytes, b.wire.bytes, formatSealed(message));
  expect(parseSealed(formatSealed(message))).toEqual(message);
  for (let at = 0; at + 6 <= WORDS.length; at++) {
    const piece = utf8(WORDS.slice(at, at + 6));
    expect(toHex(relayed).includes(toHex(piece))).toBe(false);
  }
  expect(toBase64Url(relayed)).not.toContain(toBase64Url(utf8(WORDS.slice(0, 9))));
});
