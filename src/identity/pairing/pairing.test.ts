import { expect, test } from "bun:test";
import { inspect } from "node:util";
import { deviceIdOf } from "../../protocol/ids.ts";
import { PAIRING_LIFETIME_MS } from "../../protocol/pairing-code.ts";
import { nobleCrypto } from "../crypto-noble.ts";
import { rejection, refusal } from "../refusal.fixture.ts";
import { device, joiner, LETTERS, LINK, maker, run } from "./pairing.fixture.ts";

const FAILED = "pairing_failed: That did not finish. Make a new code.";

test("two devices pair by code: each has the other's keys and name, and both the same five words", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const { ofMaker, ofJoiner } = await run(maker(a), joiner(b));
  expect(ofMaker.identityKey).toEqual(b.signer.publicKey);
  expect(ofMaker.linkKey).toEqual(b.options.own.linkKey);
  expect(ofMaker.receiveKey).toEqual(b.options.own.receiveKey);
  expect([ofMaker.nickname, ofMaker.kind]).toEqual(["ben", "laptop"]);
  expect(ofMaker.deviceId).toBe(deviceIdOf(a.crypto.sha256(b.signer.publicKey)));
  expect(ofJoiner.identityKey).toEqual(a.signer.publicKey);
  expect(ofJoiner.linkKey).toEqual(a.options.own.linkKey);
  expect(ofJoiner.nickname).toBe("anna");
  expect(ofMaker.safetyWords).toHaveLength(5);
  expect(ofJoiner.safetyWords).toEqual(ofMaker.safetyWords);
});

test("two devices pair by the link of a QR code, which names its maker", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const id = deviceIdOf(a.crypto.sha256(a.signer.publicKey));
  const { ofMaker, ofJoiner } = await run(maker(a), joiner(b, { way: "qr", link: LINK, maker: id }));
  expect(ofJoiner.safetyWords).toEqual(ofMaker.safetyWords);
});

test("a link of another maker is refused before anything is answered", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const other = deviceIdOf(a.crypto.sha256(device("eve").signer.publicKey));
  const joining = joiner(b, { way: "qr", link: LINK, maker: other });
  expect(await rejection(joining.answer(maker(a).offer(joining.join())))).toBe(FAILED);
});

test("the words of two pairings differ", async () => {
  const first = await run(maker(device("anna")), joiner(device("ben")));
  const second = await run(maker(device("anna 2")), joiner(device("ben")));
  expect(second.ofMaker.safetyWords).not.toEqual(first.ofMaker.safetyWords);
});

test("a wrong code fails at the maker, and then the right one does too", async () => {
  const [a, b] = [maker(device("anna")), joiner(device("ben"), { way: "code", letters: "Q2MY" })];
  expect(await rejection(run(a, b))).toBe(FAILED);
  expect(await rejection(run(a, joiner(device("ben"))))).toBe(FAILED);
});

test("what two sides believe of the run must be the same", async () => {
  const wrong = [{ hubKey: new Uint8Array(32).fill(2) }, { mailbox: "K8" }, { version: 2 }];
  for (const changes of wrong) {
    expect(await rejection(run(maker(device("anna")), joiner(device("ben", changes))))).toBe(FAILED);
  }
});

test("a device does not pair with itself", async () => {
  const a = device("anna");
  expect(await rejection(run(maker(a), joiner(a)))).toBe(FAILED);
});

test("a maker sees its own key in an answer, whatever the other side looked at", async () => {
  const [a, b] = [device("anna"), device("ben")];
  const posing = { ...a.signer };
  b.options.signer = posing;
  const joining = joiner(b);
  posing.publicKey = b.signer.publicKey;
  expect(await rejection(run(maker(a), joining))).toBe(FAILED);
});

test("a browser pairs with a program", async () => {
  const [a, b] = [device("anna"), device("ben")];
  b.options.crypto = nobleCrypto(b.crypto.randomBytes);
  const { ofMaker, ofJoiner } = await run(maker(a), joiner(b));
  expect(ofJoiner.safetyWords).toEqual(ofMaker.safetyWords);
  const again = await run(maker(b), joiner(a));
  expect(again.ofJoiner.identityKey).toEqual(b.signer.publicKey);
});

test("the maker's code is spent by the first answer, even one that cannot be read", async () => {
  for (const answer of [null, {}, "x", { step: 2 }, { step: 3, tag: "A", signature: "B" }, []]) {
    const a = maker(device("anna"));
    const b = joiner(device("ben"));
    const good = await b.answer(a.offer(b.join()));
    expect(await rejection(a.finish(answer))).toBe(FAILED);
    expect(await rejection(a.finish(good))).toBe(FAILED);
    expect(refusal(() => a.offer(joiner(device("ben")).join()))).toBe(FAILED);
  }
});

test("two answers at once: one is looked at", async () => {
  const a = maker(device("anna"));
  const [b, c] = [joiner(device("ben")), joiner(device("cara"))];
  const wrong = await joinAndAnswer(b);
  const offer = a.offer(c.join());
  const right = await c.answer(offer);
  const first = a.finish(right);
  expect(await rejection(a.finish(wrong))).toBe(FAILED);
  expect((await first).peer.nickname).toBe("cara");

  async function joinAndAnswer(side: typeof b): Promise<object> {
    return side.answer(maker(device("eve")).offer(side.join()));
  }
});

test("an answer before any offer spends the code", async () => {
  const a = maker(device("anna"));
  expect(await rejection(a.finish({ step: 2 }))).toBe(FAILED);
  expect(refusal(() => a.offer(joiner(device("ben")).join()))).toBe(FAILED);
});

test("a joiner who was cut before answering joins again, and gets another offer", async () => {
  const [a, b] = [maker(device("anna")), joiner(device("ben"))];
  const lost = a.offer(b.join());
  const { ofMaker } = await run(a, b, (message) => {
    if ("step" in message && message.step === 1) expect(message).not.toEqual(lost);
    return message;
  });
  expect(ofMaker.nickname).toBe("ben");
});

test("a code bears 16 joins", () => {
  const a = maker(device("anna"));
  for (let join = 0; join < 16; join++) a.offer(joiner(device(`ben ${join}`)).join());
  expect(refusal(() => a.offer(joiner(device("ben")).join()))).toBe(FAILED);
});

test("a join that cannot be read spends nothing", async () => {
  const a = maker(device("anna"));
  for (const join of [null, {}, { step: 0, way: "code", session: "" }, { step: 0, way: "pin" }]) {
    expect(refusal(() => a.offer(join))).toBe(FAILED);
  }
  expect((await run(a, joiner(device("ben")))).ofMaker.nickname).toBe("ben");
});

test("a maker without a link has no offer for one", () => {
  const a = maker(device("anna"), { letters: LETTERS });
  const b = joiner(device("ben"), { way: "qr", link: LINK, maker: "" });
  expect(refusal(() => a.offer(b.join()))).toBe(FAILED);
});

test("a joiner who has answered never joins or answers again", async () => {
  const [a, b] = [maker(device("anna")), joiner(device("ben"))];
  await b.answer(a.offer(b.join()));
  expect(refusal(() => b.join())).toBe(FAILED);
  const again = joiner(device("ben"));
  const offer = maker(device("anna")).offer(again.join());
  await again.answer(offer);
  expect(await rejection(again.answer(offer))).toBe(FAILED);
  expect(refusal(() => again.finish({ step: 3 }))).toBe(FAILED);
});

test("the last message is kept for five minutes, byte for byte, and may come twice", async () => {
  const a = device("anna");
  const [making, joining] = [maker(a), joiner(device("ben"))];
  expect(making.confirmAgain()).toBeUndefined();
  const answer = await joining.answer(making.offer(joining.join()));
  const { confirm } = await making.finish(answer);
  const peer = joining.finish(confirm);
  a.clock.steadyMs += PAIRING_LIFETIME_MS - 1;
  expect(JSON.stringify(making.confirmAgain())).toBe(JSON.stringify(confirm));
  expect(joining.finish(making.confirmAgain())).toBe(peer);
  expect(refusal(() => joining.finish({ ...confirm, tag: confirm.signature }))).toBe(FAILED);
  expect(joining.finish(confirm)).toBe(peer);
  a.clock.steadyMs += 1;
  expect(making.confirmAgain()).toBeUndefined();
});

test.each(["steadyMs", "wallMs"] as const)("a code is over after five minutes (%s)", async (which) => {
  const [a, b] = [device("anna"), device("ben")];
  const [early, late, unread] = [maker(a), maker(a), joiner(b)];
  const joining = joiner(b);
  const answer = await joining.answer(early.offer(joining.join()));
  a.clock[which] += PAIRING_LIFETIME_MS;
  expect(await rejection(early.finish(answer))).toBe(FAILED);
  expect(refusal(() => late.offer(unread.join()))).toBe(FAILED);
  b.clock[which] += PAIRING_LIFETIME_MS;
  expect(refusal(() => unread.join())).toBe(FAILED);
  expect(refusal(() => joining.finish({}))).toBe(FAILED);
});

test("who gives up is out, also while the last step runs", async () => {
  const [a, b] = [maker(device("anna")), joiner(device("ben"))];
  const answer = await b.answer(a.offer(b.join()));
  const finishing = a.finish(answer);
  a.cancel();
  expect(await rejection(finishing)).toBe(FAILED);
  const c = joiner(device("cara"));
  const answering = c.answer(maker(device("anna")).offer(c.join()));
  c.cancel();
  expect(await rejection(answering)).toBe(FAILED);
});

test("giving up undoes nothing that has finished", async () => {
  const [a, b] = [maker(device("anna")), joiner(device("ben"))];
  const answer = await b.answer(a.offer(b.join()));
  const { confirm } = await a.finish(answer);
  const peer = b.finish(confirm);
  a.cancel();
  b.cancel();
  expect(a.confirmAgain()).toEqual(confirm);
  expect(b.finish(confirm)).toBe(peer);
});

test("a name that hides or turns letters is refused on either side", async () => {
  for (const nickname of ["", "a\nb", "a\u202eb", "a\u200bb", "\u{1b}[2J", "x".repeat(65), "\ud800"]) {
    const bad = device("eve");
    bad.options.own = { ...bad.options.own, nickname };
    expect(refusal(() => maker(bad))).toStartWith("invalid: ");
    const b = joiner(device("ben"));
    const offer = maker(device("anna")).offer(b.join());
    expect(await rejection(b.answer({ ...offer, side: { ...offer.side, nickname } }))).toBe(FAILED);
  }
});

test("no secret shows in what is printed of a run", async () => {
  const [a, b] = [maker(device("anna")), joiner(device("ben"))];
  const show = (): string => inspect([a, b], { depth: 12, showHidden: true }) + JSON.stringify([a, b]);
  const before = show();
  const offer = a.offer(b.join());
  const middle = show();
  await b.answer(offer);
  for (const text of [before, middle, show()]) {
    expect(text).not.toContain(LETTERS);
    expect(text).not.toMatch(/\d{20,}n/);
  }
});
