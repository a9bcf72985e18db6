import { expect, test } from "bun:test";
import { toHex, utf8 } from "../protocol/bytes.ts";
import { browserLinkKey, browserSigner, makeBrowserKeys } from "./browser-key.ts";
import { formatKeyFile, linkKeyOf, makeKeys, parseKeyFile, signerOf } from "./keys.ts";
import { seededCrypto } from "./crypto.fixture.ts";

const crypto = seededCrypto("keys");
const { subtle } = globalThis.crypto;

test("the key file gives back the keys and the machine they were made on", () => {
  const keys = makeKeys(crypto, "machine-1");
  const read = parseKeyFile(formatKeyFile(keys).reveal());
  expect(read.machine).toBe("machine-1");
  expect(signerOf(crypto, read).publicKey).toEqual(signerOf(crypto, keys).publicKey);
  expect(linkKeyOf(crypto, read)).toEqual(linkKeyOf(crypto, keys));
  expect(read.receive.map((key) => key.reveal())).toEqual(keys.receive.map((key) => key.reveal()));
});

test("no two keys of a device are alike", () => {
  const keys = makeKeys(crypto, "");
  const secrets = [keys.identity, keys.link, ...keys.receive].map((key) => toHex(key.reveal()));
  expect(new Set(secrets).size).toBe(3);
});

const good = formatKeyFile(makeKeys(crypto, "m")).reveal();
test.each([
  ["empty", ""],
  ["cut", good.slice(0, -10)],
  ["of another version", good.replace('"version": 1', '"version": 2')],
  ["with a short key", good.replace(/"link": "..../, '"link": "')],
  ["with an unknown field", good.replace("{", '{"extra": 1,')],
])("a key file that is %s is refused without showing it", (_, text) => {
  const secret = /"identity": "(.{20})/.exec(text)?.[1] ?? "none";
  try {
    parseKeyFile(text);
    throw new Error("it was taken");
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: "state_corrupt" });
    expect(Bun.inspect(thrown)).not.toContain(secret);
  }
});

test("a browser's keys sign and cannot be read", async () => {
  const keys = await makeBrowserKeys(subtle);
  const signer = await browserSigner(subtle, keys);
  const signature = await signer.sign(utf8("hello"));
  expect(crypto.verifyEd25519(signer.publicKey, utf8("hello"), signature)).toBe(true);
  expect((await browserLinkKey(subtle, keys)).length).toBe(32);
  for (const key of [keys.identity.privateKey, keys.link.privateKey]) {
    expect(key.extractable).toBe(false);
    const read = await subtle.exportKey("pkcs8", key).catch(() => "refused");
    expect(read).toBe("refused");
  }
});
