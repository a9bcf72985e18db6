import { expect, test } from "bun:test";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { SIGNED_FIELDS, signedBytes } from "../../protocol/signed.ts";
import { openManifest, signManifest, weighOffer } from "./manifest.ts";
import { crypto, manifestOf, RELEASED_AT, scriptOf, SIGNER, STRANGER } from "./upgrade.fixture.ts";

const KEY = toBase64Url(SIGNER.publicKey);
const MANIFEST = manifestOf("1.1.0", scriptOf("1.1.0"));
const BYTES = new TextEncoder().encode(JSON.stringify(MANIFEST));
const SIGNATURE = await signManifest(crypto, SIGNER, BYTES);

test("takes a manifest that the trusted key has signed, and no other", async () => {
  expect(openManifest(crypto, KEY, { bytes: BYTES, signature: SIGNATURE })).toEqual(MANIFEST);
  const forged = await signManifest(crypto, STRANGER, BYTES);
  for (const signature of [forged, "", "AAAA", "not base64url!", `${SIGNATURE}${SIGNATURE}`]) {
    expect(() => openManifest(crypto, KEY, { bytes: BYTES, signature })).toThrow("not signed by the key");
  }
});

test("no byte of manifest or signature can be changed", () => {
  for (let at = 0; at < BYTES.length; at += 1) {
    const bytes = BYTES.slice();
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    expect(() => openManifest(crypto, KEY, { bytes, signature: SIGNATURE })).toThrow("not signed by the key");
  }
  const signed = fromBase64Url(SIGNATURE.trim()) ?? new Uint8Array(0);
  for (let at = 0; at < signed.length; at += 1) {
    const wrong = signed.slice();
    wrong[at] = (wrong[at] ?? 0) ^ 1;
    expect(() => openManifest(crypto, KEY, { bytes: BYTES, signature: toBase64Url(wrong) })).toThrow(
      "not signed by the key",
    );
  }
});

test("a space more is another manifest: the bytes are signed, not what they mean", () => {
  const bytes = new TextEncoder().encode(JSON.stringify(MANIFEST, null, 1));
  expect(() => openManifest(crypto, KEY, { bytes, signature: SIGNATURE })).toThrow("not signed by the key");
});

test("the key's signature for anything else is none of a release", async () => {
  expect(Object.keys(SIGNED_FIELDS)).toContain("ticket");
  const ticket = signedBytes("ticket", {
    share: "1.1.0",
    host: "h",
    visitor: "v",
    nonce: crypto.sha256(BYTES),
    expiresAt: RELEASED_AT,
  });
  for (const covered of [ticket, BYTES, crypto.sha256(BYTES)]) {
    const signature = toBase64Url(await SIGNER.sign(covered));
    expect(() => openManifest(crypto, KEY, { bytes: BYTES, signature })).toThrow("not signed by the key");
  }
});

test("only a higher version that was released later is newer", () => {
  const running = { version: "1.0.0", build: { releasedAt: RELEASED_AT } };
  expect(weighOffer(MANIFEST, running).state).toBe("newer");
  expect(weighOffer({ ...MANIFEST, version: "1.0.0" }, running).state).toBe("current");
  for (const version of ["0.9.9", "1.0.0-rc.1"]) {
    expect(() => weighOffer({ ...MANIFEST, version }, running)).toThrow("only a higher one is taken");
  }
  for (const released of [RELEASED_AT, RELEASED_AT - 1, 0]) {
    const released_at = new Date(released).toISOString();
    expect(() => weighOffer({ ...MANIFEST, released_at }, running)).toThrow("older than this program");
  }
});
