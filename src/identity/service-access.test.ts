import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { toBase64Url } from "../protocol/bytes.ts";
import { signedBytes } from "../protocol/signed.ts";
import { decodeTicket, encodeTicket } from "../protocol/ticket.ts";
import { seededCrypto } from "./crypto.fixture.ts";
import type { Crypto, Signer } from "./crypto.ts";
import {
  PASS_LIFETIME_MS,
  PROGRAM_TICKET_MAX_MS,
  readBrowserTicket,
  readPass,
  readProgramTicket,
  signPass,
  signProgramTicket,
  ticketShare,
  VouchedWords,
} from "./service-access.ts";

const crypto = seededCrypto("service-access");
const NOW = 1_800_000_000_000;
const newSigner = (): Signer => crypto.ed25519Signer(crypto.randomBytes(32));
const controller = newSigner();
const device = newSigner();
const at = { deviceId: "gr2q7gf-5lh6pzf-dnurnkv-puthpqv", service: "grafana" };
const HOST = "grafana--pi.example.com";
const nonce = crypto.randomBytes(32);
const trusts = (): boolean => true;

async function browserTicket(
  change: { host?: string; share?: string; expiresAt?: number; by?: Signer } = {},
): Promise<string> {
  const { host = HOST, share = ticketShare(at), expiresAt = NOW + 60_000, by = controller } = change;
  const claims = { share, host, visitor: toBase64Url(controller.publicKey), nonce, expiresAt };
  return encodeTicket(claims, await by.sign(signedBytes("ticket", claims)));
}

describe("a program's ticket", () => {
  const made = (expiresAt = NOW + 3_600_000) => signProgramTicket(controller, at, { nonce, expiresAt });
  const read = (text: string, nowMs = NOW, where = at) =>
    readProgramTicket(crypto, { text, at: where, nowMs, trusts });

  test("says whose word it is and until when", async () => {
    expect(read(await made())).toEqual({ key: controller.publicKey, nonce, expiresAt: NOW + 3_600_000 });
  });

  test("is good for its service of its device alone, and in its time alone", async () => {
    const text = await made();
    expect(read(text, NOW, { ...at, service: "grafan" })).toBeUndefined();
    expect(read(text, NOW, { ...at, deviceId: `${at.deviceId}x` })).toBeUndefined();
    expect(read(text, NOW + 3_600_000)).toBeUndefined();
    expect(read(await made(NOW + PROGRAM_TICKET_MAX_MS))).toBeDefined();
    expect(read(await made(NOW + PROGRAM_TICKET_MAX_MS + 120_000))).toBeUndefined();
  });

  test("is none once a letter of it was changed", async () => {
    const text = await made();
    for (let at = 0; at < text.length; at += 7) {
      const letter = text[at] === "A" ? "B" : "A";
      const changed = text.slice(0, at) + letter + text.slice(at + 1);
      expect(read(changed)).toBeUndefined();
    }
    expect(read("")).toBeUndefined();
    expect(read("mtk1_")).toBeUndefined();
  });

  test("is none of a browser, nor the other way round", async () => {
    const text = await made(NOW + 60_000);
    expect(readBrowserTicket(crypto, { text, at, host: HOST, nowMs: NOW, trusts })).toBeUndefined();
    const bare = text.slice("mtk1_".length);
    expect(readBrowserTicket(crypto, { text: bare, at, host: HOST, nowMs: NOW, trusts })).toBeUndefined();
    expect(read(`mtk1_${await browserTicket()}`)).toBeUndefined();
  });
});

describe("a browser's ticket", () => {
  const read = (text: string, nowMs = NOW) =>
    readBrowserTicket(crypto, { text, at, host: HOST, nowMs, trusts });

  test("is the word of the key that it names", async () => {
    expect(read(await browserTicket())).toEqual({
      key: controller.publicKey,
      nonce,
      expiresAt: NOW + 60_000,
    });
    // The hub's, for one.
    expect(read(await browserTicket({ by: newSigner() }))).toBeUndefined();
  });

  test("is good for one host, one service and two minutes at most", async () => {
    expect(read(await browserTicket({ host: "grafana--nas.example.com" }))).toBeUndefined();
    expect(read(await browserTicket({ share: ticketShare({ ...at, service: "x" }) }))).toBeUndefined();
    expect(read(await browserTicket({ share: at.service }))).toBeUndefined();
    expect(read(await browserTicket(), NOW + 60_000)).toBeUndefined();
    expect(read(await browserTicket({ expiresAt: NOW + 120_001 }))).toBeUndefined();
  });
});

describe("a pass", () => {
  const place = { ...at, host: HOST };
  const vouched = { key: controller.publicKey, nonce, expiresAt: NOW + PASS_LIFETIME_MS };
  const read = (text: string, change: { host?: string; deviceKey?: Uint8Array; nowMs?: number } = {}) => {
    const { host = HOST, deviceKey = device.publicKey, nowMs = NOW } = change;
    return readPass(crypto, { text, place: { ...at, host }, deviceKey, nowMs, trusts });
  };

  test("is the device's word for a key, at one host, for half a day", async () => {
    const text = await signPass(device, place, vouched);
    expect(read(text)).toEqual(vouched);
    expect(read(text, { host: "other--pi.example.com" })).toBeUndefined();
    expect(read(text, { deviceKey: controller.publicKey })).toBeUndefined();
    expect(read(text, { nowMs: NOW + PASS_LIFETIME_MS })).toBeUndefined();
    const far = { ...vouched, expiresAt: NOW + 2 * PASS_LIFETIME_MS };
    expect(read(await signPass(device, place, far))).toBeUndefined();
  });

  test("can't be made of a ticket, nor a ticket of it", async () => {
    const { claims, signature } = decodeTicket(await browserTicket({ by: device })) ?? {};
    if (claims === undefined || signature === undefined) throw new Error("no ticket");
    const expiry = Math.floor(claims.expiresAt / 1000).toString(36);
    const text = [expiry, claims.visitor, toBase64Url(nonce), toBase64Url(signature)].join(".");
    expect(read(text)).toBeUndefined();
    const pass = await signPass(controller, place, { ...vouched, expiresAt: NOW + 60_000 });
    const mark = pass.split(".")[3] ?? "";
    const claimsOfPass = {
      share: ticketShare(at),
      host: HOST,
      visitor: claims.visitor,
      nonce,
      expiresAt: NOW + 60_000,
    };
    const forged = encodeTicket(claimsOfPass, new Uint8Array(Buffer.from(mark, "base64url")));
    expect(readBrowserTicket(crypto, { text: forged, at, host: HOST, nowMs: NOW, trusts })).toBeUndefined();
  });

  test("whatever else a browser sends is none", async () => {
    const [expiry, key, once, mark] = (await signPass(device, place, vouched)).split(".");
    for (const text of [
      "",
      "...",
      `${expiry}.${key}.${once}`,
      `${expiry}.${key}.${once}.${mark}.${mark}`,
      `-1.${key}.${once}.${mark}`,
      `1e9.${key}.${once}.${mark}`,
      `zzzzzzzzzz.${key}.${once}.${mark}`,
      `${expiry}.${once}.${key}.${mark}`,
    ]) {
      expect(read(text)).toBeUndefined();
    }
  });
});

test("words of a key that is not trusted now are not looked at, known or not", async () => {
  let looks = 0;
  const counting = { verifyEd25519: () => (looks += 1) > 0 };
  const words = new VouchedWords(counting);
  const text = await signProgramTicket(controller, at, { nonce, expiresAt: NOW + 60_000 });
  let isTrusted = false;
  const ask = () => words.programTicket({ text, at, nowMs: NOW, trusts: () => isTrusted });
  expect([ask(), looks]).toEqual([undefined, 0]);
  isTrusted = true;
  expect([ask() !== undefined, looks]).toEqual([true, 1]);
  isTrusted = false;
  expect([ask(), looks]).toEqual([undefined, 1]);
});

test("a word that was found right is looked at once, for each place, and is not known past its end", async () => {
  let looks = 0;
  const counting: Pick<Crypto, "verifyEd25519"> = {
    verifyEd25519(key, bytes, signature) {
      looks += 1;
      return crypto.verifyEd25519(key, bytes, signature);
    },
  };
  const words = new VouchedWords(counting);
  const text = await signProgramTicket(controller, at, { nonce, expiresAt: NOW + 60_000 });
  for (let again = 0; again < 3; again++)
    expect(words.programTicket({ text, at, nowMs: NOW, trusts })).toBeDefined();
  expect(looks).toBe(1);
  expect(words.programTicket({ text, at: { ...at, service: "x" }, nowMs: NOW, trusts })).toBeUndefined();
  expect(words.programTicket({ text, at, nowMs: NOW + 60_000, trusts })).toBeUndefined();
});

test("no text at all is an error, or lets anybody in", () => {
  const place = { ...at, host: HOST };
  const piece = fc.oneof(fc.base64String(), fc.string(), fc.stringMatching(/^[A-Za-z0-9_-]{0,90}$/));
  const words = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("."));
  const claims = fc
    .record({
      share: fc.oneof(fc.constant(ticketShare(at)), fc.string()),
      host: fc.oneof(fc.constant(HOST), fc.constant("program"), fc.string()),
      visitor: fc.oneof(fc.constant(toBase64Url(controller.publicKey)), fc.string()),
      nonce: fc.constant(toBase64Url(nonce)),
      expires_at: fc.oneof(fc.constant(NOW + 1000), fc.double(), fc.integer()),
    })
    .map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));
  const mark = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => toBase64Url(bytes));
  const made = fc.tuple(claims, mark).map((pair) => pair.join("."));
  fc.assert(
    fc.property(fc.oneof(words, made), fc.boolean(), (text, prefixed) => {
      const given = { text: prefixed ? `mtk1_${text}` : text, at, nowMs: NOW, trusts };
      expect(readProgramTicket(crypto, given)).toBeUndefined();
      expect(readBrowserTicket(crypto, { ...given, host: HOST })).toBeUndefined();
      expect(readPass(crypto, { ...given, place, deviceKey: device.publicKey })).toBeUndefined();
    }),
    { numRuns: 500, seed: 20_261_120 },
  );
});
