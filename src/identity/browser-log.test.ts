import { describe, expect, test } from "bun:test";
import { toBase64Url } from "../protocol/bytes.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import { admitBrowserByWords, beginBrowserLog, trustMachineByWords } from "./browser-log.ts";
import type { Signer } from "./crypto.ts";
import {
  controller,
  crypto,
  DAY_MS,
  full,
  home,
  HUB_KEY,
  member,
  newKey,
  newSigner,
  NOW,
  pi,
  whyNot,
} from "./owner-log.fixture.ts";
import { appendEntry, beginLog, extendLog, recoverLog, type OwnerLog } from "./owner-log.ts";
import { isShared } from "./owner-log-shares.ts";
import { makeRecovery, recoverySigner } from "./recovery-words.ts";
import { rejection } from "./refusal.fixture.ts";
import { makeShareClaim, makeShareOffer, offerOf, takeShared } from "./share-token.ts";

const firefox = newSigner();
const linkKey = crypto.randomBytes(32);
const { log, words } = await beginBrowserLog(crypto, {
  signer: firefox,
  linkKey,
  name: "Firefox on Linux",
  nowMs: NOW,
});
const phrase = words.reveal().join(" ");
const keeper = recoverySigner(crypto, phrase);
const phoneBrowser = newSigner();
const nameless = {
  publicKey: phoneBrowser.publicKey,
  linkKey: crypto.randomBytes(32),
  name: "Safari on iPhone",
};
const admitted = (by: string, nowMs = NOW): Promise<OwnerLogEntry> =>
  admitBrowserByWords(crypto, log, { browser: nameless, words: by, nowMs });

const offering = { log: full, hubKey: HUB_KEY, device: pi.publicKey, expiresAtMs: NOW + 1000, signer: home };

async function claimed(own: OwnerLog, signer: Signer): Promise<{ shared: OwnerLog; taken: OwnerLog }> {
  const offered = await makeShareOffer(crypto, { ...offering, browser: true });
  const wish = { token: offered.token, log: offered.log, hubKey: HUB_KEY };
  const { device } = offerOf(crypto, wish);
  const { log: shared } = await makeShareClaim(crypto, { ...wish, owner: own, name: "Mate" });
  return { shared, taken: (await takeShared(crypto, { log: own, sharedBy: shared, device, signer })).log };
}

test("the browser that begins a log commands for thirty days, and writes it no further", async () => {
  expect(log.rightOf(firefox.publicKey, NOW)).toBe("command");
  expect(log.mayCommand(firefox.publicKey, NOW + 30 * DAY_MS - 1)).toBe(true);
  expect(log.mayCommand(firefox.publicKey, NOW + 30 * DAY_MS)).toBe(false);
  expect([log.isKeptByWords, log.hasRecovery, full.isKeptByWords]).toEqual([true, true, false]);
  const other = newSigner();
  for (const [kind, body] of [
    ["controller", controller(other, { kind: "laptop" })],
    ["member", member(other)],
    ["recovery", { public_key: newKey() }],
    ["remove", { public_key: toBase64Url(phoneBrowser.publicKey) }],
  ] as const) {
    const longer = kind === "remove" ? extendLog(crypto, log, [await admitted(phrase)]) : log;
    expect(await whyNot(longer, kind, { body, signer: firefox })).toContain("no scope admin");
  }
});

describe("no browser begins a log", () => {
  const about = { name: "firefox", kind: "browser", platform: "browser", link_key: newKey() } as const;
  const time = { since: NOW, until: NOW + DAY_MS };
  const cases: [string, Parameters<typeof beginLog>[2]][] = [
    ["a browser alone", about],
    ["at most 30 days", { ...about, browser: { ...time, until: NOW + 31 * DAY_MS, recovery: newKey() } }],
    ["ends before it begins", { ...about, browser: { ...time, until: NOW, recovery: newKey() } }],
    [
      "recovery key is no device",
      { ...about, browser: { ...time, recovery: toBase64Url(firefox.publicKey) } },
    ],
    ["it is no browser", { ...about, kind: "laptop", browser: { ...time, recovery: newKey() } }],
  ];
  for (const [reason, body] of cases) {
    test(`when ${reason}`, async () => {
      const told = await rejection(beginLog(crypto, firefox, body));
      expect(told).toContain(reason);
    });
  }
});

test("the words let another browser command, and the same one again, and take one out", async () => {
  const two = extendLog(crypto, log, [await admitted(phrase.toUpperCase())]);
  expect(two.rightOf(phoneBrowser.publicKey, NOW)).toBe("command");
  const later = NOW + 40 * DAY_MS;
  const own = { publicKey: firefox.publicKey, linkKey, name: "whatever" };
  const entry = await admitBrowserByWords(crypto, two, { browser: own, words: phrase, nowMs: later });
  const renewed = extendLog(crypto, two, [entry]);
  expect([
    renewed.mayCommand(firefox.publicKey, later),
    renewed.participant(firefox.publicKey)?.name,
  ]).toEqual([true, "firefox-on-linux"]);
  const body = { public_key: toBase64Url(phoneBrowser.publicKey) };
  const without = await appendEntry(crypto, renewed, { kind: "remove", body, signer: keeper });
  expect(without.participant(phoneBrowser.publicKey)).toBeUndefined();
});

test("words with a slip, and those of another log, let nobody in", async () => {
  expect(await rejection(admitted(phrase.replace(/\w+$/, "zoo zoo")))).toContain("not the 24 words");
  const others = makeRecovery(crypto).words.reveal().join(" ");
  expect(await rejection(admitted(others))).toContain("no scope admin");
});

test("such a browser takes a shared device and lets it go, by itself", async () => {
  const { shared, taken } = await claimed(log, firefox);
  expect(isShared(shared, taken, pi.publicKey)).toBe(true);
  const body = { step: "end", device: toBase64Url(pi.publicKey), owner: toBase64Url(full.id) } as const;
  const left = await appendEntry(crypto, taken, { kind: "share", body, signer: firefox });
  expect(isShared(shared, left, pi.publicKey)).toBe(false);
});

test("what is offered without a word of browsers is not for such a log, whoever writes the claim", async () => {
  const offered = await makeShareOffer(crypto, offering);
  const wish = { token: offered.token, log: offered.log, hubKey: HUB_KEY };
  const claim = { ...wish, owner: log, name: "Mate" };
  expect(await rejection(makeShareClaim(crypto, claim))).toContain("not in a browser");
  // As one who follows no rules writes it; the token is theirs.
  const { claimer, device, offer } = offerOf(crypto, wish);
  const owner = toBase64Url(log.id);
  const shared = await appendEntry(crypto, offered.log, {
    kind: "share",
    body: { step: "claim", offer: offer.number, owner, name: "Mate" },
    signer: claimer,
  });
  const { log: taken } = await takeShared(crypto, { log, sharedBy: shared, device, signer: firefox });
  expect(isShared(shared, taken, pi.publicKey)).toBe(false);
  // A machine that writes the log later makes it no machine's, nor do the words that take it back for one.
  const laptop = newSigner();
  const body = member(laptop, { kind: "laptop" });
  const joined = await appendEntry(crypto, taken, { kind: "member", body, signer: keeper });
  const trusted = { publicKey: laptop.publicKey, words: phrase, nowMs: NOW };
  const owned = extendLog(crypto, joined, [await trustMachineByWords(crypto, joined, trusted)]);
  const without = await appendEntry(crypto, owned, {
    kind: "remove",
    body: { public_key: toBase64Url(firefox.publicKey) },
    signer: laptop,
  });
  const { name, kind, platform, link_key, public_key } = controller(newSigner());
  const recovered = await recoverLog(crypto, without, {
    kind: "recover",
    number: taken.length,
    body: { name, kind, platform, link_key, public_key, recovery: null },
    signer: keeper,
  });
  for (const later of [owned, without, recovered]) {
    expect([later.isBegunInBrowser, isShared(shared, later, pi.publicKey)]).toEqual([true, false]);
  }
  expect(full.isBegunInBrowser).toBe(false);
});

test("once a machine may write the log, neither browser nor words do, and what was taken stays", async () => {
  const { shared, taken } = await claimed(log, firefox);
  const laptop = newSigner();
  const body = member(laptop, { kind: "laptop" });
  const joined = await appendEntry(crypto, taken, { kind: "member", body, signer: keeper });
  const trusted = { publicKey: laptop.publicKey, words: phrase, nowMs: NOW };
  const owned = extendLog(crypto, joined, [await trustMachineByWords(crypto, joined, trusted)]);
  expect(owned.rightOf(laptop.publicKey, NOW)).toBe("admin");
  expect(owned.mayCommand(firefox.publicKey, NOW)).toBe(true);
  expect([owned.isKeptByWords, isShared(shared, owned, pi.publicKey)]).toEqual([false, true]);
  for (const signer of [keeper, firefox]) {
    const more = controller(newSigner(), { kind: "laptop" });
    expect(await whyNot(owned, "controller", { body: more, signer })).toContain("no scope admin");
  }
  const end = { step: "end", device: toBase64Url(pi.publicKey), owner: toBase64Url(full.id) };
  expect(await whyNot(owned, "share", { body: end, signer: firefox })).toContain("no scope admin");
  expect(await whyNot(owned, "remove", { body: { public_key: body.public_key }, signer: laptop })).toContain(
    "leave nobody with the scope admin",
  );
});

test("the words take the log back for a machine, as any owner's do", async () => {
  const { shared, taken } = await claimed(log, firefox);
  const laptop = newSigner();
  const { name, kind, platform, link_key, public_key } = controller(laptop);
  const recovered = await recoverLog(crypto, taken, {
    kind: "recover",
    number: taken.length,
    body: { name, kind, platform, link_key, public_key, recovery: null },
    signer: keeper,
  });
  expect(recovered.rightOf(laptop.publicKey, NOW)).toBe("admin");
  expect(recovered.participant(firefox.publicKey)).toBeUndefined();
  expect(isShared(shared, recovered, pi.publicKey)).toBe(true);
});
