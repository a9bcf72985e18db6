import { expect, test } from "bun:test";
import { apiKeySigner, makeApiKey } from "./api-key.ts";
import { seededCrypto } from "./crypto.fixture.ts";

const crypto = seededCrypto("api-key");

test("the text of a key makes its signer again, and prints itself nowhere", () => {
  const { text, signer } = makeApiKey(crypto);
  expect(apiKeySigner(crypto, text.reveal())?.publicKey).toEqual(signer.publicKey);
  expect(text.reveal()).toMatch(/^mk1_[A-Za-z0-9_-]{43}$/);
  expect(text.toString()).toBe("‹secret›");
});

test("the key is not that of its seed alone", () => {
  const seed = crypto.randomBytes(32);
  const text = `mk1_${Buffer.from(seed).toString("base64url")}`;
  expect(apiKeySigner(crypto, text)?.publicKey).not.toEqual(crypto.ed25519Signer(seed).publicKey);
});

test.each([
  "",
  "mk1_",
  "mst1_AAAA",
  `mk1_${"A".repeat(42)}`,
  `mk1_${"A".repeat(100)}`,
  `mk2_${"A".repeat(43)}`,
])("%p is no key", (text) => {
  expect(apiKeySigner(crypto, text)).toBeUndefined();
});
