import { expect, test } from "bun:test";
import { fromHex, toHex, utf8 } from "../../protocol/bytes.ts";
import { rejection } from "../refusal.fixture.ts";
import { vectors } from "../vectors.fixture.ts";
import { NoiseCipher } from "./noise-cipher.ts";
import { NoiseHandshake } from "./noise.ts";
import type { NoiseOptions, NoiseResult } from "./noise.ts";
import { nodeSide, PAIRS, secretOf, SIDES, webSide } from "./session-crypto.fixture.ts";
import type { TestSessionCrypto } from "./session-crypto.fixture.ts";

const NOTHING = new Uint8Array(0);

interface Vector {
  protocol_name: string;
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  init_remote_static?: string;
  resp_prologue: string;
  resp_static: string;
  resp_ephemeral: string;
  resp_remote_static?: string;
  handshake_hash: string;
  messages: { payload: string; ciphertext: string }[];
}

/** Of cacophony, as kept by mcginty/snow: the first three messages of its KK vector. */
const KK: Vector = {
  protocol_name: "Noise_KK_25519_AESGCM_SHA256",
  init_prologue: "4a6f686e2047616c74",
  init_static: "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
  init_ephemeral: "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
  init_remote_static: "31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62",
  resp_prologue: "4a6f686e2047616c74",
  resp_static: "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
  resp_ephemeral: "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
  resp_remote_static: "6bc3822a2aa7f4e6981d6538692b3cdf3e6df9eea6ed269eb41d93c22757b75a",
  handshake_hash: "c03693acd830588fac76dd414c9e100e8c601d27511de855100239f7705fa3f2",
  messages: [
    {
      payload: "4c756477696720766f6e204d69736573",
      ciphertext:
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79448564738a841228e693caeec4c497a8bd562231c3e51a1f03c4fd45dfe3a67870",
    },
    {
      payload: "4d757272617920526f746862617264",
      ciphertext:
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843b94504c4d83506f5dd2568b68490eba8ed6f9cf2cca194a273c56d7ae3c558",
    },
    {
      payload: "462e20412e20486179656b",
      ciphertext: "6a5c10a201d4e3a08f79f64949e55731f774913a4d949bda3fcebf",
    },
  ],
};

function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error(`"${text}" is not hex`);
  return bytes;
}

async function handshakeOf(
  v: Vector,
  side: TestSessionCrypto,
  role: "init" | "resp",
): Promise<NoiseHandshake> {
  const theirKey = v[`${role}_remote_static`];
  const options: NoiseOptions = {
    crypto: side.crypto,
    // The file's own names: another one fails at once.
    pattern: v.protocol_name.slice(6, 8) as NoiseOptions["pattern"],
    role: role === "init" ? "initiator" : "responder",
    prologue: hex(v[`${role}_prologue`]),
    ownKey: await side.dhKey(hex(v[`${role}_static`])),
    ephemeral: await side.dhKey(hex(v[`${role}_ephemeral`])),
  };
  return new NoiseHandshake(theirKey === undefined ? options : { ...options, theirKey: hex(theirKey) });
}

/** Everything both ends write, and the hashes they end with. */
async function play(v: Vector, a: TestSessionCrypto, b: TestSessionCrypto): Promise<void> {
  const [first, second] = [await handshakeOf(v, a, "init"), await handshakeOf(v, b, "resp")];
  let ends: [NoiseResult, NoiseResult] | undefined;
  for (const [turn, { payload, ciphertext }] of v.messages.entries()) {
    const isFirst = turn % 2 === 0;
    if (ends === undefined) {
      const written = await (isFirst ? first : second).write(hex(payload));
      expect(toHex(written)).toBe(ciphertext);
      expect(toHex(await (isFirst ? second : first).read(written))).toBe(payload);
      if (first.isDone) ends = [await first.finish(), await second.finish()];
    } else {
      const [from, to] = isFirst ? ends : [ends[1], ends[0]];
      const written = await from.send.seal(hex(payload));
      expect(toHex(written)).toBe(ciphertext);
      expect(toHex(await to.receive.open(written))).toBe(payload);
    }
  }
  expect(ends?.map((end) => toHex(end.hash))).toEqual([v.handshake_hash, v.handshake_hash]);
}

test.each(PAIRS)("%s: the published KK vector", (_, a, b) => play(KK, a, b));

const published = vectors("noise_25519_aesgcm_sha256.json") as { vectors: Vector[] } | undefined;

test.skipIf(published === undefined).each(PAIRS)(
  "%s: every published vector of KK, IK and XX (MUSTER_VECTORS)",
  async (_, a, b) => {
    const fitting = (published?.vectors ?? []).filter((v) => /^Noise_(KK|IK|XX)_/.test(v.protocol_name));
    expect(fitting).toHaveLength(3);
    for (const v of fitting) await play(v, a, b);
  },
);

async function pair(
  change: { a?: Partial<NoiseOptions>; b?: Partial<NoiseOptions> } = {},
): Promise<[NoiseHandshake, NoiseHandshake]> {
  const [a, b] = [await nodeSide.dhKey(secretOf("a")), await webSide.dhKey(secretOf("b"))];
  const prologue = utf8("prologue");
  const base = { pattern: "KK", prologue } as const;
  return [
    new NoiseHandshake({
      ...base,
      crypto: nodeSide.crypto,
      role: "initiator",
      ownKey: a,
      theirKey: b.publicKey,
      ...change.a,
    }),
    new NoiseHandshake({
      ...base,
      crypto: webSide.crypto,
      role: "responder",
      ownKey: b,
      theirKey: a.publicKey,
      ...change.b,
    }),
  ];
}

async function connected(): Promise<[NoiseResult, NoiseResult]> {
  const [a, b] = await pair();
  await b.read(await a.write(NOTHING));
  await a.read(await b.write(NOTHING));
  return [await a.finish(), await b.finish()];
}

test("another prologue, another key on either side: the first message does not open", async () => {
  const eve = await nodeSide.dhKey(secretOf("eve"));
  const changes = [
    { b: { prologue: utf8("other") } },
    { a: { ownKey: eve } },
    { a: { theirKey: eve.publicKey } },
    { b: { theirKey: eve.publicKey } },
    { b: { ownKey: eve } },
  ];
  for (const change of changes) {
    const [a, b] = await pair(change);
    expect(await rejection(b.read(await a.write(NOTHING)))).toStartWith("seal_broken: ");
  }
});

test("any changed, missing or added byte of the handshake is refused", async () => {
  for (const turn of [1, 2]) {
    for (let at = 0; at < 50; at++) {
      const [a, b] = await pair();
      let message = await a.write(NOTHING);
      let reader = b;
      if (turn === 2) {
        await b.read(message);
        message = await b.write(NOTHING);
        reader = a;
      }
      expect(message).toHaveLength(48);
      if (at < 48) message[at] = (message[at] ?? 0) ^ 1;
      else message = at === 48 ? message.subarray(1) : Uint8Array.from([...message, 0]);
      expect(await rejection(reader.read(message))).toStartWith("seal_broken: ");
    }
  }
});

test("a share of small order is refused", async () => {
  const small = [
    new Uint8Array(32),
    Uint8Array.from([1, ...new Uint8Array(31)]),
    hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
  ];
  for (const share of small) {
    const [, b] = await pair();
    const message = Uint8Array.from([...share, ...new Uint8Array(16)]);
    expect(await rejection(b.read(message))).toStartWith("seal_broken: ");
    for (const side of SIDES) expect(await (await side.dhKey(secretOf("c"))).agree(share)).toBeUndefined();
  }
});

/** Whether a call failed in a way that only a mistake of ours can cause. */
async function isFault(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => false,
    (thrown: unknown) => thrown instanceof RangeError,
  );
}

test("messages out of turn are a fault of the program", async () => {
  const [a, b] = await pair();
  expect(await isFault(b.write(NOTHING))).toBe(true);
  expect(await isFault(a.finish())).toBe(true);
  await b.read(await a.write(NOTHING));
  expect(await isFault(a.write(NOTHING))).toBe(true);
});

test("a record opens once and in its place", async () => {
  for (const attack of ["replay", "reorder", "drop", "change", "cut", "reflect"]) {
    const [a, b] = await connected();
    const [first, second] = [await a.send.seal(utf8("one")), await a.send.seal(utf8("two"))];
    if (attack === "replay") await b.receive.open(first);
    const changed = first.slice();
    changed[0] = (changed[0] ?? 0) ^ 1;
    const bad = { replay: first, reorder: second, drop: second, change: changed, cut: first.subarray(1) };
    const sent = attack === "reflect" ? await b.send.seal(utf8("one")) : bad[attack as keyof typeof bad];
    expect(await rejection(b.receive.open(sent))).toStartWith("seal_broken: ");
  }
});

test("both sides make the next key together, and the old one opens nothing more", async () => {
  const [a, b] = await connected();
  await b.receive.open(await a.send.seal(utf8("one")));
  await a.send.rekey();
  await b.receive.rekey();
  expect(await b.receive.open(await a.send.seal(utf8("two")))).toEqual(utf8("two"));
  await a.send.rekey();
  expect(await rejection(b.receive.open(await a.send.seal(utf8("three"))))).toStartWith("seal_broken: ");
});

test("the two implementations make the same next key", async () => {
  const sealed: string[] = [];
  for (const side of SIDES) {
    const cipher = new NoiseCipher(side.crypto, await side.crypto.aead(secretOf("key")));
    await cipher.rekey();
    sealed.push(toHex(await cipher.seal(utf8("x"))));
  }
  expect(sealed[0]).toBe(sealed[1] ?? "");
});

test("a cipher without numbers left seals and opens nothing", async () => {
  const aead = await nodeSide.crypto.aead(secretOf("key"));
  const cipher = new NoiseCipher(nodeSide.crypto, aead, Number.MAX_SAFE_INTEGER - 1);
  await cipher.seal(utf8("the last one"));
  expect(await rejection(cipher.seal(NOTHING))).toStartWith("unavailable: ");
  expect(await rejection(cipher.open(NOTHING))).toStartWith("unavailable: ");
});

interface X25519Vectors {
  testGroups: {
    tests: { tcId: number; public: string; private: string; shared: string; flags: string[] }[];
  }[];
}
const x25519 = vectors("wycheproof_x25519_first_half.json") as X25519Vectors | undefined;

test.skipIf(x25519 === undefined).each(SIDES.map((side) => [side.name, side] as const))(
  "%s: Wycheproof's X25519, zero refused (MUSTER_VECTORS)",
  async (_, side) => {
    const tests = (x25519?.testGroups ?? []).flatMap((group) => group.tests);
    expect(tests.length).toBeGreaterThan(100);
    for (const one of tests) {
      const shared = await (await side.dhKey(hex(one.private))).agree(hex(one.public));
      const due = /^0+$/.test(one.shared) ? "refused" : one.shared;
      expect(`${one.tcId} ${shared === undefined ? "refused" : toHex(shared)}`).toBe(`${one.tcId} ${due}`);
    }
  },
);
