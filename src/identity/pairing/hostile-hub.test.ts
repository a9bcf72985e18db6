// A hub that does what it likes with what passes through a mailbox. Whatever it does, neither side pins a key
// that the other one does not have, and each code bears one guess.

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { equalBytes, utf8 } from "../../protocol/bytes.ts";
import type { PairingSide } from "../../protocol/pairing-messages.ts";
import { rejection } from "../refusal.fixture.ts";
import type { PairingJoiner } from "./joiner.ts";
import type { PairingMaker } from "./maker.ts";
import type { PairedPeer } from "./pairing-run.ts";
import { base64, device, joiner, LETTERS, LINK, maker, run } from "./pairing.fixture.ts";
import type { TestDevice } from "./pairing.fixture.ts";

const FAILED = "pairing_failed: That did not finish. Make a new code.";
const eve = device("eve");

/** What each side pinned, if anything. Unlike `run` it goes on with the other side when one has failed. */
async function attempt(
  a: PairingMaker,
  b: PairingJoiner,
  relay: (message: Record<string, unknown>) => unknown,
): Promise<{ maker?: PairedPeer; joiner?: PairedPeer }> {
  const pass = (message: object): unknown =>
    relay(JSON.parse(JSON.stringify(message)) as Record<string, unknown>);
  const pinned: { maker?: PairedPeer; joiner?: PairedPeer } = {};
  try {
    const answer = await b.answer(pass(a.offer(pass(b.join()))));
    const { confirm, peer } = await a.finish(pass(answer));
    pinned.maker = peer;
    pinned.joiner = b.finish(pass(confirm));
  } catch (thrown) {
    expect(String(thrown)).toBe("MusterError: That did not finish. Make a new code.");
  }
  return pinned;
}

function isOf(pinned: PairedPeer | undefined, device: TestDevice): boolean {
  if (pinned === undefined) return true;
  const { own, signer } = device.options;
  return (
    equalBytes(pinned.identityKey, signer.publicKey) &&
    equalBytes(pinned.linkKey, own.linkKey) &&
    equalBytes(pinned.receiveKey, own.receiveKey) &&
    pinned.nickname === own.nickname &&
    pinned.kind === own.kind
  );
}

/** Each value of a message, by its path. */
function paths(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [at];
  return Object.entries(value).flatMap(([name, inner]) => paths(inner, [...at, name]));
}

function flipBit(bytesText: string, bit: number): string {
  const at = Math.floor(bit / 6) % bytesText.length;
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const value = letters.indexOf(bytesText.charAt(at));
  return bytesText.slice(0, at) + letters.charAt(value ^ (1 << (bit % 6))) + bytesText.slice(at + 1);
}

test("any bit of any field changed: the other side never pins what was not said", async () => {
  const fields = [
    ...[["session"], ["way"]].map((path) => [0, path] as const),
    ...[["session"], ["share"]].map((path) => [1, path] as const),
    ...["identity_key", "link_key", "receive_key", "nickname", "kind"].flatMap((name) => [
      [1, ["side", name]] as const,
      [2, ["side", name]] as const,
    ]),
    ...["share", "tag", "signature"].map((name) => [2, [name]] as const),
    ...["tag", "signature"].map((name) => [3, [name]] as const),
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...fields), fc.nat(600), async ([step, path], bit) => {
      const [a, b] = [device("anna"), device("ben")];
      const pinned = await attempt(maker(a), joiner(b), (message) => {
        if (message["step"] !== step) return message;
        return change(message, path, (value) => changed(value, bit));
      });
      expect(pinned.joiner).toBeUndefined();
      // What was changed on its way to the joiner alone does not take back what the maker has rightly pinned.
      if (step === 3) expect(isOf(pinned.maker, b)).toBe(true);
      else expect(pinned.maker).toBeUndefined();
    }),
    { seed: 11, numRuns: 90 },
  );

  function changed(value: unknown, bit: number): unknown {
    if (value === "code") return "qr";
    if (value === "laptop") return "desktop";
    if (value === "anna" || value === "ben") return `${value}a`;
    return flipBit(String(value), bit);
  }
});

test("any bit of any message's text changed: both sides fail, and the code is spent at each", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1, 2, 3), fc.nat(8_000), async (step, bit) => {
      const [a, b] = [device("anna"), device("ben")];
      const [making, joining] = [maker(a), joiner(b)];
      const pinned = await attempt(making, joining, (message) =>
        message["step"] === step ? flippedText(message, bit) : message,
      );
      expect(pinned.joiner).toBeUndefined();
      // The maker has rightly paired before it says the last.
      expect(pinned.maker === undefined).toBe(step < 3);
      expect(joining.join.bind(joining)).toThrow("That did not finish");
      const again = { step: 0, way: "code", session: base64(new Uint8Array(16)) };
      // A maker that heard no answer still has its code: its joiner is the one that failed, and makes no other try.
      if (step > 1) expect(() => making.offer(again)).toThrow("That did not finish");
      else expect(await rejection(making.finish({}))).toBe(FAILED);
      expect(making.isSpent).toBe(step < 3);
    }),
    { seed: 12, numRuns: 90 },
  );
});

test("any bit of a join changed: nobody is paired by that run", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(600), async (bit) => {
      const pinned = await attempt(maker(device("anna")), joiner(device("ben")), (message) =>
        message["step"] === 0 ? flippedText(message, bit) : message,
      );
      expect(pinned).toEqual({});
    }),
    { seed: 13, numRuns: 30 },
  );
});

/** What is read of a text in which one bit was changed. */
function flippedText(message: object, bit: number): unknown {
  const bytes = utf8(JSON.stringify(message));
  const at = Math.floor(bit / 8) % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // as whoever reads it sees it
  }
}

function change(
  message: Record<string, unknown>,
  path: readonly string[],
  by: (value: unknown) => unknown,
): Record<string, unknown> {
  const [name, ...rest] = path;
  if (name === undefined) return message;
  const inner = message[name];
  const next = rest.length === 0 ? by(inner) : change(inner as Record<string, unknown>, rest, by);
  return { ...message, [name]: next };
}

test("every field is one of those that the bits were changed in", async () => {
  const seen: string[] = [];
  await run(maker(device("anna")), joiner(device("ben")), (message) => {
    for (const path of paths(message)) seen.push(path.join("."));
    return message;
  });
  const side = ["identity_key", "link_key", "receive_key", "nickname", "kind"].map((name) => `side.${name}`);
  const messages = [
    ["step", "way", "session"],
    ["step", "session", "share", ...side],
    ["step", "share", ...side, "tag", "signature"],
    ["step", "tag", "signature"],
  ];
  expect(seen).toEqual(messages.flat());
});

test("keys swapped for the hub's own: nobody pins them", async () => {
  const own: Pick<PairingSide, "identity_key" | "link_key" | "receive_key"> = {
    identity_key: base64(eve.signer.publicKey),
    link_key: base64(eve.options.own.linkKey),
    receive_key: base64(eve.options.own.receiveKey),
  };
  for (const steps of [[1], [2], [1, 2]]) {
    const pinned = await attempt(maker(device("anna")), joiner(device("ben")), (message) =>
      steps.includes(Number(message["step"]))
        ? { ...message, side: { ...(message["side"] as object), ...own } }
        : message,
    );
    expect(pinned).toEqual({});
  }
});

test("a hub in the middle, with a run of its own to each side and a guess: nobody is paired", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const guess = { letters: "AAAA" };
  const [making, joining] = [maker(a), joiner(b)];
  const [toMaker, toJoiner] = [joiner(eve, { way: "code", ...guess }), maker(device("eve 2"), guess)];
  const answer = await toMaker.answer(making.offer(toMaker.join()));
  expect(await rejection(making.finish(answer))).toBe(FAILED);
  const caught = await joining.answer(toJoiner.offer(joining.join()));
  expect(await rejection(toJoiner.finish(caught))).toBe(FAILED);
  expect(() => joining.finish({ step: 3, tag: "A".repeat(86), signature: "A".repeat(86) })).toThrow();
  expect(await rejection(run(making, joiner(b)))).toBe(FAILED);
});

test("a hub that happens to guess still shows other words at the two sides", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const right = { letters: LETTERS };
  const toEve = await run(maker(a), joiner(eve, { way: "code", ...right }));
  const fromEve = await run(maker(device("eve 2"), right), joiner(b));
  expect(toEve.ofMaker.safetyWords).not.toEqual(fromEve.ofJoiner.safetyWords);
});

test("messages of another run of the same two devices do not fit into this one", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const record: Record<string, unknown>[] = [];
  await run(maker(a), joiner(b), (message) => {
    record.push(message as Record<string, unknown>);
    return message;
  });
  for (const step of [0, 1, 2, 3]) {
    const pinned = await attempt(maker(a), joiner(b), (message) =>
      message["step"] === step ? record[step] : message,
    );
    expect(pinned.joiner).toBeUndefined();
    if (step < 3) expect(pinned.maker).toBeUndefined();
  }
});

test("what one side said, sent back to it as the other's", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const [making, joining] = [maker(a), joiner(b)];
  const offer = making.offer(joining.join());
  const answer = await joining.answer(offer);
  const mirror = { ...answer, share: offer.share, side: offer.side };
  expect(await rejection(making.finish(mirror))).toBe(FAILED);
  expect(() => joining.finish({ step: 3, tag: answer.tag, signature: answer.signature })).toThrow();
});

test("a run relayed to a third side pairs with the device that has the code, and with no other", async () => {
  const [a, b, c] = [device("anna"), device("ben"), device("cara")];
  const [making, joining, third] = [maker(a), joiner(b), joiner(c, { way: "code", letters: "ZZZZ" })];
  const offer = making.offer(joining.join());
  third.join();
  const stray = await third.answer(offer);
  const answer = await joining.answer(offer);
  const { peer, confirm } = await making.finish(answer);
  expect(isOf(peer, b)).toBe(true);
  expect(() => third.finish(confirm)).toThrow();
  expect(await rejection(making.finish(stray))).toBe(FAILED);
});

test("a downgrade from the link to the letters is a failure", async () => {
  const a = device("anna");
  const id = (await run(maker(a), joiner(device("ben")))).ofJoiner.deviceId;
  const joining = joiner(device("ben"), { way: "qr", link: LINK, maker: id });
  const pinned = await attempt(maker(a), joining, (message) =>
    message["step"] === 0 ? { ...message, way: "code" } : message,
  );
  expect(pinned).toEqual({});
});

test("a thousand guesses at one code: one is looked at", async () => {
  const a = device("anna");
  const making = maker(a);
  let looked = 0;
  const verify = a.crypto.verifyEd25519;
  a.options.crypto = { ...a.crypto, verifyEd25519: (...with3) => (looked++, verify(...with3)) };
  const wrong = joiner(eve, { way: "code", letters: "AAAA" });
  const guess = await wrong.answer(making.offer(wrong.join()));
  const outcomes = new Set<string>();
  for (let at = 0; at < 1000; at++) outcomes.add(await rejection(making.finish(guess)));
  expect([...outcomes]).toEqual([FAILED]);
  expect(looked).toBe(0);
});

test("neither the letters nor the link's secret are in what passes through the hub", async () => {
  const passed: string[] = [];
  const a = device("anna");
  const { deviceId } = (await run(maker(a), joiner(device("ben")))).ofJoiner;
  for (const secret of [
    { way: "code", letters: LETTERS } as const,
    { way: "qr", link: LINK, maker: deviceId } as const,
  ]) {
    await run(maker(a), joiner(device("ben"), secret), (message) => {
      passed.push(JSON.stringify(message));
      return message;
    });
  }
  const all = passed.join("");
  for (const secret of [LETTERS, base64(utf8(LETTERS)), base64(LINK)]) expect(all).not.toContain(secret);
});
