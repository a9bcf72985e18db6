import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { MusterError } from "./errors.ts";
import {
  drawSecretLetters,
  formatPairingCode,
  formatPairingLink,
  isMailbox,
  PAIRING_LETTERS,
  parsePairingCode,
  parsePairingFragment,
  parsePairingLink,
} from "./pairing-code.ts";

const MAKER = "abcdefg-hijklmn-opqrstu-vwxyz23";
const letters = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from(PAIRING_LETTERS)), minLength: length, maxLength: length });

function refusalOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (thrown) {
    if (!(thrown instanceof MusterError)) throw thrown;
    return JSON.stringify(thrown);
  }
}

test("31 letters, none of which is taken for another", () => {
  expect(new Set(PAIRING_LETTERS).size).toBe(31);
  expect(PAIRING_LETTERS).not.toMatch(/[01OIL]/);
});

test("a code reads back as it was made, however it was typed", () => {
  fc.assert(
    fc.property(fc.oneof(letters(2), letters(3)), letters(4), (mailbox, secret) => {
      const shown = formatPairingCode({ mailbox, secret });
      const typings = [shown, shown.toLowerCase(), shown.replace("-", ""), ` ${shown.replace("-", " ")}\n`];
      for (const typed of typings) expect(parsePairingCode(typed)).toEqual({ mailbox, secret });
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("everything else gets one answer", () => {
  const wrong = ["", "K7-Q2M", "K7-Q2MX3Z", "K0-Q2MX", "KO-Q2MX", "KI-Q2MX", "K1-Q2MX", "KL-Q2MX", "ß7-Q2MX"];
  const more = ["K7_Q2MX", "K7-Q2MX\0", "К7-Q2MX", "-".repeat(40), "K7-Q2MX".padEnd(33), "ﬀ-Q2MX"];
  const answers = new Set([...wrong, ...more].map((typed) => refusalOf(() => parsePairingCode(typed))));
  expect([...answers]).toEqual([refusalOf(() => parsePairingCode("?"))]);
  expect([...answers][0]).toContain("that is no pairing code");
});

test("a byte above 247 draws no letter, so that none is likelier", () => {
  const bytes = [255, 248, 249, 247, 31, 0, 254, 30, 1, 1, 1, 1, 1, 1, 1, 1];
  let at = 0;
  const drawn = drawSecretLetters((length) => Uint8Array.from(bytes.slice(at, (at += length))));
  expect(drawn).toBe("Z22Z");
  const counts = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    const once = drawSecretLetters((length) => new Uint8Array(length).fill(byte < 248 ? byte : byte - 248));
    if (byte < 248) counts.set(once, (counts.get(once) ?? 0) + 1);
  }
  expect(counts.size).toBe(31);
  expect([...counts.values()]).toEqual(Array(31).fill(8));
});

test("a mailbox has two letters or three", () => {
  const names = ["K7", "K7B", "K", "K7BB", "k7", "K0", ""];
  expect(names.map(isMailbox)).toEqual([true, true, false, false, false, false, false]);
});

test("a link reads back as it was made", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("https://hub.example", "http://127.0.0.1:8080", "https://hub.example:8443"),
      letters(2),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (hub, mailbox, secret) => {
        const link = { hub, mailbox, secret, maker: MAKER };
        const text = formatPairingLink(link);
        expect(parsePairingLink(text)).toEqual(link);
        expect(new URL(text).pathname).toBe("/pair");
        expect(parsePairingFragment(new URL(text).hash)).toEqual({ mailbox, secret, maker: MAKER });
      },
    ),
    { seed: 2, numRuns: 100 },
  );
});

test("a link that is anything else gets one answer", () => {
  const secret = "AAAAAAAAAAAAAAAAAAAAAA";
  const wrong = [
    `https://hub.example/pair?x=1#K7.${secret}.${MAKER}`,
    `https://hub.example/pairs#K7.${secret}.${MAKER}`,
    `https://u:p@hub.example/pair#K7.${secret}.${MAKER}`,
    `javascript:/pair#K7.${secret}.${MAKER}`,
    `https://hub.example/pair#K7.${secret}B.${MAKER}`,
    `https://hub.example/pair#K7.${secret.slice(1)}B.${MAKER}`,
    `https://hub.example/pair#K7.${secret}.${MAKER}.x`,
    `https://hub.example/pair#K7.${secret}.${MAKER.toUpperCase()}`,
    `https://hub.example/pair#k7.${secret}.${MAKER}`,
    `https://hub.example/pair#K7.${secret}`,
    "K7-Q2MX",
    "x".repeat(600),
  ];
  const answers = new Set(wrong.map((text) => refusalOf(() => parsePairingLink(text))));
  expect([...answers]).toEqual([refusalOf(() => parsePairingLink("?"))]);
});
