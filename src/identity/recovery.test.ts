import { describe, expect, test } from "bun:test";
import { toBase64Url } from "../protocol/bytes.ts";
import {
  controller,
  crypto,
  full,
  home,
  laptop,
  newKey,
  newSigner,
  NOW,
  pi,
  piDevice,
} from "./owner-log.fixture.ts";
import { appendEntry, extendLog, recoverLog, verifyLog, type OwnerLog } from "./owner-log.ts";
import type { Signer } from "./crypto.ts";
import { makeRecovery, recoverySigner } from "./recovery-words.ts";
import { refusal } from "./refusal.fixture.ts";

const { words, signer: key } = makeRecovery(crypto);
const guarded = await appendEntry(crypto, full, {
  kind: "recovery",
  body: { public_key: toBase64Url(key.publicKey) },
  signer: home,
});
const thief = newSigner();
/** A thief of the home's key has put itself in and the laptop out. */
const stolen = await appendEntry(
  crypto,
  await appendEntry(crypto, guarded, {
    kind: "controller",
    body: controller(thief, { name: "thief" }),
    signer: home,
  }),
  { kind: "remove", body: { public_key: toBase64Url(laptop.publicKey) }, signer: thief },
);

function back(signer: Signer, log: OwnerLog, number: number, linkKey = toBase64Url(piDevice.linkKey)) {
  return recoverLog(crypto, log, {
    kind: "recover",
    number,
    body: {
      public_key: toBase64Url(pi.publicKey),
      link_key: linkKey,
      name: "pi-2",
      kind: "raspberry_pi",
      platform: "linux-arm64",
      recovery: newKey(),
    },
    signer,
  });
}

describe("written words", () => {
  test("make the same key again, however they are typed", () => {
    const text = `  ${words.reveal().join("  ").toUpperCase()}\n`;
    expect(words.reveal()).toHaveLength(24);
    expect(recoverySigner(crypto, text).publicKey).toEqual(key.publicKey);
  });

  test("with a slip in them are told from right ones", () => {
    const typed = [...words.reveal()];
    for (const slip of [typed.slice(1), [...typed.slice(1), typed[0]], ["nonsense", ...typed.slice(1)]]) {
      expect(() => recoverySigner(crypto, slip.join(" "))).toThrow("24 words");
    }
  });
});

describe("a recover entry", () => {
  test("beats what stands at its number and behind it, and leaves one controller", async () => {
    const taken = await back(key, stolen, guarded.length);
    expect(taken.length).toBe(guarded.length + 1);
    expect(taken.mayAdmin(pi.publicKey, NOW)).toBe(true);
    for (const other of [home, thief, laptop]) expect(taken.mayCommand(other.publicKey, NOW)).toBe(false);
    expect(taken.roleOf(home.publicKey, NOW)).toBe("member");
    expect(taken.wasRemoved(laptop.publicKey)).toBe(false);
    expect(taken.invites().filter((invite) => invite.spentBy === undefined)).toEqual([]);
    expect(verifyLog(crypto, taken.entries).head).toEqual(taken.head);
  });

  test("counts whichever branch a device saw first, and is no fork", async () => {
    const taken = await back(key, stolen, guarded.length);
    expect(extendLog(crypto, stolen, taken.entries.slice(1)).head).toEqual(taken.head);
    expect(extendLog(crypto, taken, stolen.entries.slice(1)).head).toEqual(taken.head);
    // What the owner writes then is a log like any other.
    const more = await appendEntry(crypto, taken, {
      kind: "remove",
      body: { public_key: toBase64Url(home.publicKey) },
      signer: pi,
    });
    expect(extendLog(crypto, stolen, more.entries.slice(1)).head).toEqual(more.head);
  });

  test("is nobody's but the holder's of the words, and no second one beats it", async () => {
    const other = newSigner();
    expect(await reason(back(other, stolen, guarded.length))).toContain("not the recovery key");
    expect(await reason(back(key, full, full.length))).toContain("no recovery key");
    expect(await reason(back(key, stolen, guarded.length, newKey()))).toContain("another link key");
    const taken = await back(key, stolen, guarded.length);
    const again = await back(key, stolen, guarded.length);
    expect(refusal(() => extendLog(crypto, taken, [again.entries.at(-1) as never]))).toContain("two entries");
  });
});

async function reason(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return String(error);
  }
}
