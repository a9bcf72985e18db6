import { expect, test } from "bun:test";
import { OPEN_MAILBOXES_OF_TWO, OWNER_MAILBOXES_MAX } from "../../protocol/limits.ts";
import { isMailbox, PAIRING_LIFETIME_MS } from "../../protocol/pairing-code.ts";
import { Mailboxes, type Party } from "./mailboxes.ts";

function mailboxes() {
  let now = 0;
  let drawn = 0;
  const random = {
    bytes: (length: number) => {
      const digest = new Bun.CryptoHasher("sha256").update(`${++drawn}`).digest();
      return new Uint8Array(digest.subarray(0, length));
    },
  };
  const all = new Mailboxes({ clock: { monotonic: () => now }, random });
  return { all, pass: (ms: number) => (now += ms) };
}

const stranger = (key: string): Party => ({ key, ownerRoots: [] });
const ofAnna = (key: string): Party => ({ key, ownerRoots: ["anna"] });

function refusal(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return JSON.stringify(error);
  }
}

test("the two sides say to each other what the hub does not look at", () => {
  const { all } = mailboxes();
  const { name } = all.create(stranger("maker"), "anyone");
  expect(isMailbox(name) && name.length === 2).toBe(true);
  all.join(stranger("joiner"), name);
  expect(all.say("joiner", name, "0")).toEqual({ to: "maker", mailbox: name, payload: "0" });
  expect(all.say("maker", name, "1")).toEqual({ to: "joiner", mailbox: name, payload: "1" });
  expect(all.say("third", name, "x")).toBeUndefined();
  all.say("joiner", name, "2");
  expect(all.say("joiner", name, "another guess")).toBeUndefined();
  all.say("maker", name, "3");
  expect(all.missedBy("joiner")).toEqual([{ to: "joiner", mailbox: name, payload: "3" }]);
});

test("unknown, one's own, used, given up and expired names are refused alike", () => {
  const { all, pass } = mailboxes();
  const { name } = all.create(stranger("maker"), "anyone");
  const unknown = refusal(() => all.join(stranger("joiner"), name === "ZZ" ? "YY" : "ZZ"));
  expect(unknown).toContain("pairing_failed");
  expect(refusal(() => all.join(stranger("maker"), name))).toBe(unknown);
  all.join(stranger("joiner"), name);
  all.say("joiner", name, "0");
  all.say("joiner", name, "2");
  expect(refusal(() => all.join(stranger("late"), name))).toBe(unknown);
  expect(refusal(() => all.join(stranger("joiner"), name))).toBe(unknown);
  const given = all.create(stranger("maker"), "anyone").name;
  all.end("maker", given);
  expect(refusal(() => all.join(stranger("joiner"), given))).toBe(unknown);
  const old = all.create(stranger("maker"), "anyone").name;
  pass(PAIRING_LIFETIME_MS);
  expect(refusal(() => all.join(stranger("joiner"), old))).toBe(unknown);
});

test("an owner's own room is nobody else's to see, to fill or to spend", () => {
  const { all } = mailboxes();
  for (let number = 0; number < OPEN_MAILBOXES_OF_TWO + 50; number++) {
    const { name } = all.create(stranger(`stranger ${number}`), "anyone");
    expect(name.length).toBe(number < OPEN_MAILBOXES_OF_TWO ? 2 : 3);
  }
  const { name, reach } = all.create(ofAnna("laptop"), "owner");
  expect([name.length, reach]).toEqual([2, "owner"]);
  expect(refusal(() => all.join({ key: "ben", ownerRoots: ["ben"] }, name))).not.toBe("none");
  all.join(ofAnna("phone"), name);
  expect(all.say("phone", name, "0")?.to).toBe("laptop");
  const names = new Set([name]);
  for (let number = 1; number < OWNER_MAILBOXES_MAX; number++) {
    names.add(all.create(ofAnna(`device ${number}`), "owner").name);
  }
  expect(names.size).toBe(OWNER_MAILBOXES_MAX);
  expect(refusal(() => all.create(ofAnna("one more"), "owner"))).toContain("too_many");
});

test("a joiner that does not answer makes room for the next, and a key has four codes at most", () => {
  const { all } = mailboxes();
  const { name } = all.create(stranger("maker"), "anyone");
  all.join(stranger("idle"), name);
  all.say("idle", name, "0");
  all.join(stranger("joiner"), name);
  all.say("joiner", name, "0 too");
  expect(all.say("maker", name, "1")?.to).toBe("joiner");
  for (let number = 0; number < 3; number++) all.create(stranger("maker"), "anyone");
  expect(refusal(() => all.create(stranger("maker"), "anyone"))).toContain("too_many");
});

test("every name is drawn about as often as any other", () => {
  const { all, pass } = mailboxes();
  const counts = new Map<string, number>();
  for (let draw = 0; draw < 961 * 8; draw++) {
    const { name } = all.create(stranger(`maker ${draw}`), "anyone");
    counts.set(name, (counts.get(name) ?? 0) + 1);
    pass(PAIRING_LIFETIME_MS);
  }
  expect(counts.size).toBeGreaterThan(950);
  expect(Math.max(...counts.values())).toBeLessThan(30);
});

test("a code of one's own that is used or over is no longer one's own: limits apply as to any other name", () => {
  const { all, pass } = mailboxes();
  const phone = ofAnna("phone");
  const isOwn = (name: string): boolean => all.isOwn(phone, name);
  const used = all.create(ofAnna("laptop"), "anyone").name;
  expect([isOwn(used), all.isOwn(ofAnna("laptop"), used), all.isOwn(stranger("x"), used)]).toEqual([
    true,
    false,
    false,
  ]);
  all.join(phone, used);
  all.say("phone", used, "0");
  all.say("phone", used, "2");
  const given = all.create(ofAnna("laptop"), "anyone").name;
  all.end("laptop", given);
  const old = all.create(ofAnna("laptop"), "anyone").name;
  expect([used, given, old].map(isOwn)).toEqual([false, false, true]);
  pass(PAIRING_LIFETIME_MS);
  expect(isOwn(old)).toBe(false);
});

test("codes that were used or given up are not counted", () => {
  const { all } = mailboxes();
  for (let number = 0; number < 20; number++) {
    const { name } = all.create(stranger("maker"), "anyone");
    if (number % 2 === 0) all.end("maker", name);
    else {
      all.join(stranger("joiner"), name);
      all.say("joiner", name, "0");
      all.say("joiner", name, "2");
    }
  }
  for (let number = 0; number < 4; number++) all.create(stranger("maker"), "anyone");
  expect(refusal(() => all.create(stranger("maker"), "anyone"))).toContain("too_many");
});
