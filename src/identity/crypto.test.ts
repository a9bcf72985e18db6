import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import * as fc from "fast-check";
import { concat, fromHex, toHex, utf8 } from "../protocol/bytes.ts";
import { nobleCrypto } from "./crypto-noble.ts";
import { nodeCrypto } from "./crypto-node.ts";
import type { Crypto } from "./crypto.ts";
import { isStrictKey } from "./strict-key.ts";

const zeros = (length: number): Uint8Array => new Uint8Array(length);
const IMPLEMENTATIONS: [string, Crypto][] = [
  ["node", nodeCrypto(zeros)],
  ["noble", nobleCrypto(zeros)],
];
const [node, noble] = [nodeCrypto(zeros), nobleCrypto(zeros)];

function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error(`not hex: ${text}`);
  return bytes;
}

// RFC 8032 section 7.1, test 2.
const SEED = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
const KEY = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
const MESSAGE = hex("72");
const SIGNATURE = hex(
  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
);
/** The order of the group: S and S + L verify alike where S is not checked. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
/** The eight points of small order in their canonical encodings. */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];
/** Other encodings of points, with y at or above p, or with a sign for x = 0. */
const NOT_CANONICAL = [
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

test.each(IMPLEMENTATIONS)("%s gives the published results", async (_, crypto) => {
  // FIPS 180-4 "abc"; RFC 4231 test 2; RFC 8032 test 2; RFC 7748 section 6.1.
  expect(toHex(crypto.sha256(utf8("abc")))).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  expect(toHex(crypto.sha512(utf8("abc")).subarray(0, 8))).toBe("ddaf35a193617aba");
  expect(toHex(crypto.hmacSha256(utf8("Jefe"), utf8("what do ya want for nothing?")))).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  const signer = crypto.ed25519Signer(SEED);
  expect(signer.publicKey).toEqual(KEY);
  expect(await signer.sign(MESSAGE)).toEqual(SIGNATURE);
  expect(crypto.verifyEd25519(KEY, MESSAGE, SIGNATURE)).toBe(true);
  const alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  expect(toHex(crypto.x25519PublicKey(alice))).toBe(
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
  );
});

test.each(IMPLEMENTATIONS)("%s refuses every key of small order and every second encoding", (_, crypto) => {
  // With A of small order, R = identity and S = 0 fit whenever k·A is the identity.
  const signature = concat(hex(SMALL_ORDER[0] ?? ""), zeros(32));
  for (const key of [...SMALL_ORDER, ...NOT_CANONICAL]) {
    for (let n = 0; n < 16; n++) {
      expect(crypto.verifyEd25519(hex(key), new Uint8Array([n]), signature)).toBe(false);
    }
    expect(isStrictKey(hex(key))).toBe(false);
  }
});

test.each(IMPLEMENTATIONS)("%s refuses S + L and wrong lengths without throwing", (_, crypto) => {
  const malleated = concat(
    SIGNATURE.subarray(0, 32),
    littleEndian(readLittleEndian(SIGNATURE.subarray(32)) + L),
  );
  expect(crypto.verifyEd25519(KEY, MESSAGE, malleated)).toBe(false);
  for (const length of [0, 31, 33, 63, 65]) {
    expect(crypto.verifyEd25519(zeros(length), MESSAGE, SIGNATURE)).toBe(false);
    expect(crypto.verifyEd25519(KEY, MESSAGE, zeros(length))).toBe(false);
  }
});

test("a signature whose R carries a point of small order is refused by both", () => {
  const torsion = ed25519.Point.fromHex(SMALL_ORDER[4] ?? "");
  const signature = signWith({ torsion, keyTorsion: ed25519.Point.ZERO, message: MESSAGE });
  // It is a signature that the equation with the cofactor would take.
  expect(ed25519.verify(signature.bytes, MESSAGE, signature.key, { zip215: false })).toBe(true);
  expect(node.verifyEd25519(signature.key, MESSAGE, signature.bytes)).toBe(false);
  expect(noble.verifyEd25519(signature.key, MESSAGE, signature.bytes)).toBe(false);
});

test("for a key of mixed order both accept the same signatures", () => {
  const keyTorsion = ed25519.Point.fromHex(SMALL_ORDER[4] ?? "");
  const accepted = new Set<boolean>();
  for (let n = 0; n < 40; n++) {
    const message = new Uint8Array([n]);
    const { key, bytes } = signWith({ torsion: ed25519.Point.ZERO, keyTorsion, message });
    const taken = node.verifyEd25519(key, message, bytes);
    expect(noble.verifyEd25519(key, message, bytes)).toBe(taken);
    accepted.add(taken);
  }
  // k·T vanishes for about one message in eight: both answers were seen.
  expect(accepted.size).toBe(2);
});

test("both implementations agree on random and damaged input", async () => {
  const damage = fc.record({
    seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    message: fc.uint8Array({ maxLength: 100 }),
    place: fc.constantFrom("none", "key", "message", "signature"),
    at: fc.nat(95),
    bit: fc.nat(7),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ seed, message, place, at, bit }) => {
      const signer = node.ed25519Signer(seed);
      expect(noble.ed25519Signer(seed).publicKey).toEqual(signer.publicKey);
      const signature = await signer.sign(message);
      expect(await noble.ed25519Signer(seed).sign(message)).toEqual(signature);
      const parts = { none: zeros(1), key: signer.publicKey.slice(), message: message.slice(), signature };
      const target = parts[place];
      if (target.length > 0) target[at % target.length] = (target[at % target.length] ?? 0) ^ (1 << bit);
      const taken = node.verifyEd25519(parts.key, parts.message, parts.signature);
      expect(noble.verifyEd25519(parts.key, parts.message, parts.signature)).toBe(taken);
      expect(taken).toBe(place === "none" || target.length === 0);
    }),
    { seed: 7, numRuns: 120 },
  );
});

interface Vectors {
  testGroups: {
    publicKey: { pk: string };
    tests: { tcId: number; msg: string; sig: string; result: string }[];
  }[];
}

const vectorsFolder = process.env["MUSTER_VECTORS"] ?? "";
const vectorsFile = join(vectorsFolder, "wycheproof_ed25519_first_half.json");
const hasVectors = vectorsFolder !== "" && existsSync(vectorsFile);

test.skipIf(!hasVectors).each(IMPLEMENTATIONS)(
  "%s passes Wycheproof's Ed25519 (MUSTER_VECTORS)",
  (_, crypto) => {
    // The file's shape is its publisher's; a wrong one fails here at once.
    const vectors = JSON.parse(readFileSync(vectorsFile, "utf8")) as Vectors;
    let count = 0;
    for (const group of vectors.testGroups) {
      for (const one of group.tests) {
        const taken = crypto.verifyEd25519(hex(group.publicKey.pk), hex(one.msg), hex(one.sig));
        expect(`${one.tcId} ${taken}`).toBe(`${one.tcId} ${one.result === "valid"}`);
        count++;
      }
    }
    expect(count).toBeGreaterThan(50);
  },
);

type Point = typeof ed25519.Point.ZERO;

/** A signature made to satisfy the equation up to a point of small order. */
function signWith(options: { torsion: Point; keyTorsion: Point; message: Uint8Array }): {
  key: Uint8Array;
  bytes: Uint8Array;
} {
  const [secret, r] = [123456789n, 987654321n];
  const { BASE } = ed25519.Point;
  const key = BASE.multiply(secret).add(options.keyTorsion).toBytes();
  const R = BASE.multiply(r).add(options.torsion).toBytes();
  const k = readLittleEndian(sha512(concat(R, key, options.message))) % L;
  return { key, bytes: concat(R, littleEndian((r + k * secret) % L)) };
}

function readLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.toReversed())}`);
}

function littleEndian(value: bigint): Uint8Array {
  return hex(value.toString(16).padStart(64, "0")).toReversed();
}
