import { describe, expect, test } from "bun:test";
import { toBase64Url } from "../protocol/bytes.ts";
import type { JsonValue } from "../protocol/canonical-json.ts";
import type { Signer } from "./crypto.ts";
import { CO_OWNERS_MAX, isShared } from "./owner-log-shares.ts";
import {
  crypto,
  forge,
  full,
  home,
  HUB_KEY,
  laptop,
  member,
  newKey,
  newSigner,
  NOW,
  phone,
  pi,
  piDevice,
  whyNot,
} from "./owner-log.fixture.ts";
import { appendEntry, beginLog, extendLog, recoverLog, type OwnerLog } from "./owner-log.ts";
import { makeRecovery } from "./recovery-words.ts";
import { refusal } from "./refusal.fixture.ts";
import { makeShareClaim, makeShareOffer, offerOf, takeShared } from "./share-token.ts";

const mate = newSigner();
const mates = await beginLog(crypto, mate, {
  name: "mate",
  kind: "laptop",
  platform: "linux-x86_64",
  link_key: newKey(),
});
const text = (key: Uint8Array): string => toBase64Url(key);
const piKey = text(pi.publicKey);
const matesId = text(mates.id);
const ownId = text(full.id);

const offering = (log: OwnerLog) =>
  makeShareOffer(crypto, {
    log,
    hubKey: HUB_KEY,
    device: pi.publicKey,
    expiresAtMs: NOW + 1000,
    signer: home,
  });
const offered = await offering(full);
const wish = { token: offered.token, log: offered.log, hubKey: HUB_KEY };
const claimed = await makeShareClaim(crypto, { ...wish, owner: mates, name: "Mate" });
const { claimer, device } = offerOf(crypto, wish);
const taken = await takeShared(crypto, { log: mates, sharedBy: full, device, signer: mate });
const end = (owner: string): JsonValue => ({ step: "end", device: piKey, owner });

test("a device is shared while both logs say so", async () => {
  expect(isShared(claimed.log, taken.log, pi.publicKey)).toBe(true);
  expect(isShared(offered.log, taken.log, pi.publicKey)).toBe(false);
  expect(isShared(claimed.log, mates, pi.publicKey)).toBe(false);
  expect(isShared(claimed.log, taken.log, laptop.publicKey)).toBe(false);
  const ended = await appendEntry(crypto, claimed.log, {
    kind: "share",
    body: { step: "end", device: piKey, owner: matesId },
    signer: home,
  });
  expect(isShared(ended, taken.log, pi.publicKey)).toBe(false);
  const left = await appendEntry(crypto, taken.log, {
    kind: "share",
    body: { step: "end", device: piKey, owner: ownId },
    signer: mate,
  });
  expect(isShared(claimed.log, left, pi.publicKey)).toBe(false);
  expect(left.wasRemoved(pi.publicKey)).toBe(false);
});

test("a shared device is nobody's in the other log, and nobody's keys there change it", async () => {
  expect(taken.log.roleOf(pi.publicKey, NOW)).toBeUndefined();
  expect(taken.log.rightOf(pi.publicKey, NOW)).toBeUndefined();
  expect(taken.log.participant(pi.publicKey)).toMatchObject({ name: piDevice.name, member: false });
  const body = { ...member(pi), link_key: text(piDevice.linkKey) };
  for (const [kind, value] of [
    ["remove", { public_key: piKey }],
    ["member", body],
  ] as const) {
    expect(await whyNot(taken.log, kind, { body: value, signer: mate })).toContain("another owner's");
  }
});

test("an ended share may be offered and taken again", async () => {
  const ended = await appendEntry(crypto, claimed.log, {
    kind: "share",
    body: { step: "end", device: piKey, owner: matesId },
    signer: home,
  });
  const again = await offering(ended);
  const back = await makeShareClaim(crypto, {
    token: again.token,
    log: again.log,
    hubKey: HUB_KEY,
    owner: mates,
    name: "Mate",
  });
  expect(isShared(back.log, taken.log, pi.publicKey)).toBe(true);
});

test("who removes the device, or takes the log back by words, ends its shares", async () => {
  const removed = await appendEntry(crypto, claimed.log, {
    kind: "remove",
    body: { public_key: piKey },
    signer: home,
  });
  expect(removed.coOwners()).toEqual([]);
  const { signer: words } = makeRecovery(crypto);
  const withWords = await appendEntry(crypto, claimed.log, {
    kind: "recovery",
    body: { public_key: text(words.publicKey) },
    signer: home,
  });
  const open = await offering(withWords);
  const recovered = await recoverLog(crypto, open.log, {
    kind: "recover",
    number: open.log.length,
    body: {
      public_key: piKey,
      link_key: text(piDevice.linkKey),
      name: piDevice.name,
      kind: piDevice.kind,
      platform: piDevice.platform,
      recovery: null,
    },
    signer: words,
  });
  expect(recovered.coOwners()).toEqual([]);
  expect(recovered.shareOffer(open.entry.number)).toBeUndefined();
});

test("what another shares outlives the recovery of this log, for it gives nobody a right here", async () => {
  const { signer: words } = makeRecovery(crypto);
  const withWords = await appendEntry(crypto, taken.log, {
    kind: "recovery",
    body: { public_key: text(words.publicKey) },
    signer: mate,
  });
  const known = taken.log.participant(mate.publicKey);
  const recovered = await recoverLog(crypto, withWords, {
    kind: "recover",
    number: withWords.length,
    body: {
      public_key: text(mate.publicKey),
      link_key: text(known?.linkKey ?? new Uint8Array(0)),
      name: "mate",
      kind: "laptop",
      platform: "linux-x86_64",
      recovery: null,
    },
    signer: words,
  });
  expect(isShared(claimed.log, recovered, pi.publicKey)).toBe(true);
});

test("a token is for one log, one hub and one use", async () => {
  const asked = { ...wish, owner: mates, name: "Mate" };
  const elsewhere = [
    { ...asked, log: full },
    { ...asked, log: taken.log },
    { ...asked, hubKey: crypto.randomBytes(32) },
    { ...asked, log: claimed.log },
  ];
  for (const wrong of elsewhere) {
    const problem = await makeShareClaim(crypto, wrong).catch((error: unknown) => error);
    expect(problem).toMatchObject({ code: "token_invalid" });
  }
  // The second claim of one offer, whoever signs it.
  const second = {
    step: "claim",
    offer: offered.entry.number,
    owner: newKey(),
    name: "Eve",
  };
  expect(await whyNot(claimed.log, "share", { body: second, signer: claimer })).toContain("spent before");
});

test("a claim counts at its own place alone", async () => {
  const later = await offering(offered.log);
  expect(refusal(() => extendLog(crypto, later.log, [claimed.entry]))).toMatch(/does not follow|two entries/);
});

test("an offer for browsers too is one for machines as any other", async () => {
  const open = { log: full, hubKey: HUB_KEY, device: pi.publicKey, expiresAtMs: NOW, signer: home };
  const both = await makeShareOffer(crypto, { ...open, browser: true });
  const { log } = await makeShareClaim(crypto, {
    token: both.token,
    log: both.log,
    hubKey: HUB_KEY,
    owner: mates,
    name: "Mate",
  });
  expect(isShared(log, taken.log, pi.publicKey)).toBe(true);
  expect([offerOf(crypto, wish).offer.browser, both.log.shareOffer(both.entry.number)?.browser]).toEqual([
    false,
    true,
  ]);
  expect(JSON.parse(offered.entry.body)).not.toHaveProperty("browser");
});

test("a device has a bounded number of other owners", async () => {
  let log = full;
  for (let count = 0; count < CO_OWNERS_MAX; count++) {
    const next = await offering(log);
    const { claimer: by } = offerOf(crypto, { token: next.token, log: next.log, hubKey: HUB_KEY });
    log = await appendEntry(crypto, next.log, {
      kind: "share",
      body: { step: "claim", offer: next.entry.number, owner: newKey(), name: "One" },
      signer: by,
    });
  }
  const last = await offering(log);
  const claiming = { token: last.token, log: last.log, hubKey: HUB_KEY, owner: mates, name: "Mate" };
  const problem = await makeShareClaim(crypto, claiming).catch(String);
  expect(problem).toContain("16 other owners");
});

describe("a share entry is refused when", () => {
  const offer = (change: Record<string, JsonValue> = {}): JsonValue => ({
    step: "offer",
    device: piKey,
    claim_key: newKey(),
    expires_at: NOW,
    ...change,
  });
  const claim = (change: Record<string, JsonValue> = {}): JsonValue => ({
    step: "claim",
    offer: offered.entry.number,
    owner: matesId,
    name: "Mate",
    ...change,
  });
  const take = (change: Record<string, JsonValue> = {}): JsonValue => ({
    step: "take",
    public_key: newKey(),
    link_key: newKey(),
    name: "server",
    kind: "vps",
    platform: "linux-x86_64",
    owner: matesId,
    ...change,
  });
  const cases: [string, JsonValue, Signer][] = [
    ["no scope admin here", offer(), pi],
    ["no scope admin here", offer(), phone],
    ["no device of this owner", offer({ device: newKey() }), home],
    ["no device of this owner", offer({ device: text(phone.publicKey) }), home],
    ["key of a device", offer({ claim_key: text(laptop.publicKey) }), home],
    ["used before", offer({ claim_key: text(claimer.publicKey) }), home],
    ["no proper browser", offer({ browser: false }), home],
    ["does not hold the offer", claim(), home],
    ["does not hold the offer", claim(), mate],
    ["no such offer", claim({ offer: 1 }), claimer],
    ["with itself", claim({ owner: ownId }), claimer],
    ["no scope admin here", take(), claimer],
    ["with itself", take({ owner: ownId }), home],
    ["a browser takes no commands", take({ kind: "browser" }), home],
    ["in this log already", take({ public_key: piKey }), home],
    ["no such share", end(matesId), home],
    ["no scope admin here", end(matesId), claimer],
    ["wrong fields", { step: "end", device: piKey, owner: matesId, more: 1 }, home],
  ];
  for (const [reason, body, signer] of cases) {
    test(`${reason}: ${JSON.stringify(body).slice(0, 60)}`, async () => {
      expect(await whyNot(offered.log, "share", { body, signer })).toContain(reason);
    });
  }
});

test("the claim key of an offer writes nothing else", async () => {
  const entry = await forge(offered.log, {
    kind: "controller",
    body: "{}",
    signer: claimer,
  });
  expect(() => extendLog(crypto, offered.log, [entry])).toThrow();
  const body = { public_key: piKey };
  expect(await whyNot(offered.log, "remove", { body, signer: claimer })).toContain("no scope admin");
});
