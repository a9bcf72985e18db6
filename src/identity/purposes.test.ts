import { expect, test } from "bun:test";
import { toHex } from "../protocol/bytes.ts";
import { SIGNED_FIELDS, signedBytes } from "../protocol/signed.ts";
import type { Purpose } from "../protocol/signed.ts";
import { seededCrypto } from "./crypto.fixture.ts";
import { SAMPLES } from "./signed.fixture.ts";

const crypto = seededCrypto("purposes");
const signer = crypto.ed25519Signer(crypto.randomBytes(32));
// The table's keys are the purposes.
const PURPOSES = Object.keys(SIGNED_FIELDS) as Purpose[];

function sample(purpose: Purpose): Uint8Array {
  return signedBytes(purpose, SAMPLES[purpose]);
}

test("a signature of one purpose is refused by the verifier of every other", async () => {
  for (const signed of PURPOSES) {
    const signature = await signer.sign(sample(signed));
    const takenBy = PURPOSES.filter((purpose) =>
      crypto.verifyEd25519(signer.publicKey, sample(purpose), signature),
    );
    expect(takenBy).toEqual([signed]);
  }
});

test("no bytes of one purpose begin with those of another", () => {
  const texts = PURPOSES.map((purpose) => toHex(sample(purpose)));
  for (const a of texts) expect(texts.filter((b) => b.startsWith(a))).toEqual([a]);
});

test("the bytes of every purpose stay what they are", () => {
  // A change here breaks every signature that exists: it needs a new purpose instead.
  const hashes = PURPOSES.map((purpose) => [purpose, toHex(crypto.sha256(sample(purpose)).subarray(0, 8))]);
  expect(Object.fromEntries(hashes)).toEqual(STILL);
});

const STILL: Record<Purpose, string> = {
  register: "3f28ffa1df0f074f",
  hub: "bd5052c16c61305d",
  pair: "17c3b359c9fdaae6",
  message: "9e9ce129a6d97c5a",
  ack: "1ae39e2f75af1bc4",
  command: "8d77998ad7462eaa",
  outcome: "a9a92ef94795bd8e",
  log: "333ee37a1c1b9571",
  claim: "ec6a2c9b17bc7de0",
  query: "55c0eb04cdd93929",
  request: "17f5c75767c02d5d",
  ticket: "3ae9d1594fbfe1d1",
  release: "baf7678d1c3f15a5",
};
