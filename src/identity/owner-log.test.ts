import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { toBase64Url } from "../protocol/bytes.ts";
import { canonicalJson } from "../protocol/canonical-json.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import {
  begun,
  browserRights,
  controller,
  crypto,
  DAY_MS,
  forge,
  full,
  home,
  invited,
  laptop,
  newKey,
  newSigner,
  NOW,
  phone,
  pi,
  piDevice,
} from "./owner-log.fixture.ts";
import { refusal } from "./refusal.fixture.ts";
import { appendEntry, beginLog, extendLog, longestValid, verifyLog } from "./owner-log.ts";

describe("who may do what", () => {
  test("the log's maker commands and writes it", () => {
    expect(begun.roleOf(home.publicKey, NOW)).toBe("controller");
    expect(begun.mayAdmin(home.publicKey, NOW)).toBe(true);
    expect(begun.mayCommand(home.publicKey, NOW)).toBe(true);
    expect(begun.participant(home.publicKey)?.name).toBe("home");
  });

  test("a device that claimed is a member and commands nothing", () => {
    expect(full.roleOf(pi.publicKey, NOW)).toBe("member");
    expect(full.mayCommand(pi.publicKey, NOW)).toBe(false);
    expect(full.participant(pi.publicKey)?.sshHostKeys).toEqual(["ssh-ed25519 AAAA"]);
    expect(full.invite(1)?.spentBy).toEqual(pi.publicKey);
    expect(invited.log.invite(1)?.spentBy).toBeUndefined();
  });

  test("a browser commands until its time is over, and never writes the log", () => {
    expect(full.mayCommand(phone.publicKey, NOW + 30 * DAY_MS - 1)).toBe(true);
    expect(full.mayCommand(phone.publicKey, NOW + 30 * DAY_MS)).toBe(false);
    expect(full.roleOf(phone.publicKey, NOW + 30 * DAY_MS)).toBeUndefined();
    expect(full.mayAdmin(phone.publicKey, NOW)).toBe(false);
  });

  test("a browser's time may be renewed, with the same keys", async () => {
    const link_key = toBase64Url(full.participant(phone.publicKey)?.linkKey ?? new Uint8Array());
    const later = { ...browserRights, since: NOW + DAY_MS, until: NOW + 31 * DAY_MS, link_key };
    const renewed = await appendEntry(crypto, full, {
      kind: "controller",
      body: controller(phone, later),
      signer: laptop,
    });
    expect(renewed.mayCommand(phone.publicKey, NOW + 30 * DAY_MS)).toBe(true);
  });

  test("a member that is promoted stays one when its time is over", async () => {
    const link_key = toBase64Url(piDevice.linkKey);
    const body = controller(pi, {
      kind: "raspberry_pi",
      named: true,
      link_key,
      scopes: ["command"],
      until: NOW + 1,
    });
    const promoted = await appendEntry(crypto, full, { kind: "controller", body, signer: home });
    expect(promoted.roleOf(pi.publicKey, NOW)).toBe("controller");
    expect(promoted.roleOf(pi.publicKey, NOW + 1)).toBe("member");
  });

  test("a stranger is nobody", () => {
    expect(full.roleOf(newSigner().publicKey, NOW)).toBeUndefined();
    expect(full.roleOf(new Uint8Array(), NOW)).toBeUndefined();
  });
});

describe("a list", () => {
  test("survives its way over the wire, and its id is the hash of entry 0", () => {
    const sent: OwnerLogEntry[] = JSON.parse(JSON.stringify(full.entries));
    const read = verifyLog(crypto, sent);
    expect(read.head).toEqual(full.head);
    expect(read.id).toEqual(begun.id);
    expect(read.length).toBe(5);
  });

  test("is extended by what is new, whatever overlaps", () => {
    for (let from = 0; from <= 2; from++) {
      expect(extendLog(crypto, invited.log, full.entries.slice(from)).head).toEqual(full.head);
    }
    expect(extendLog(crypto, full, begun.entries).head).toEqual(full.head);
    expect(extendLog(crypto, full, [])).toBe(full);
  });

  test("keeps what came before the first bad entry", () => {
    const spoiled = full.entries.map((entry, number) =>
      number === 3 ? { ...entry, kind: "remove" } : entry,
    );
    const { log, refused } = longestValid(crypto, begun, spoiled);
    expect(log?.length).toBe(3);
    expect(refused?.code).toBe("owner_log_invalid");
    expect(begun.length).toBe(1);
  });

  test("is refused when it is empty, begins late, has a gap or belongs to somebody else", async () => {
    const other = await beginLog(crypto, home, {
      name: "home",
      kind: "desktop",
      platform: "linux-x86_64",
      link_key: newKey(),
    });
    expect(other.id).not.toEqual(begun.id);
    expect(refusal(() => verifyLog(crypto, []))).toContain("empty");
    expect(refusal(() => verifyLog(crypto, full.entries.slice(1)))).toContain("entry 0 is missing");
    expect(refusal(() => extendLog(crypto, begun, full.entries.slice(2)))).toContain("entry 1 is missing");
    expect(refusal(() => extendLog(crypto, other, full.entries))).toContain("another log");
    expect(refusal(() => extendLog(crypto, other, full.entries.slice(1)))).toContain("another log");
  });
});

describe("damage", () => {
  test("any changed character of any field of any entry is refused", () => {
    const place = fc.record({
      number: fc.nat(full.length - 1),
      field: fc.constantFrom("log", "previous", "kind", "body", "by", "signature" as const),
      at: fc.nat(400),
      by: fc.integer({ min: 1, max: 127 }),
    });
    fc.assert(
      fc.property(place, ({ number, field, at, by }) => {
        const spoiled = full.entries.map((entry) => ({ ...entry }));
        const entry = spoiled[number];
        if (entry === undefined) throw new Error("there is no such entry");
        const text = entry[field as "log"];
        const index = at % text.length;
        const changed = String.fromCharCode(text.charCodeAt(index) ^ by);
        entry[field as "log"] = text.slice(0, index) + changed + text.slice(index + 1);
        expect(refusal(() => verifyLog(crypto, spoiled))).toStartWith("owner_log_invalid");
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  test("any other order, omission or repetition is refused", () => {
    const order = fc.array(fc.nat(full.length - 1), { minLength: 1, maxLength: full.length + 1 });
    fc.assert(
      fc.property(order, (numbers) => {
        const inOrder = numbers.every((number, at) => number <= Math.max(-1, ...numbers.slice(0, at)) + 1);
        const list = numbers.flatMap((number) => full.entries[number] ?? []);
        // Repeating what is there already is no harm; anything else is.
        const reason = refusal(() => verifyLog(crypto, list));
        expect(reason === "none").toBe(inOrder);
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  test("changed numbers are refused", () => {
    for (const number of [-1, 0, 2, 0.5, 4096, Number.NaN]) {
      const spoiled = full.entries.map((entry, at) => (at === 1 ? { ...entry, number } : entry));
      expect(refusal(() => verifyLog(crypto, spoiled))).toStartWith("owner_log_invalid");
    }
  });
});

describe("a fork", () => {
  test("of two valid entries with one number is named, and nothing is taken", async () => {
    const other = await appendEntry(crypto, invited.log, {
      kind: "controller",
      body: controller(newSigner()),
      signer: home,
    });
    const { log, refused } = longestValid(crypto, full, other.entries);
    expect(refused?.code).toBe("owner_log_forked");
    expect(log).toBe(full);
    expect(refusal(() => extendLog(crypto, other, full.entries))).toStartWith("owner_log_forked");
  });

  test("cannot be made by who holds no key", async () => {
    const stranger = await forge(invited.log, {
      kind: "controller",
      body: canonicalJson(controller(newSigner())),
      signer: newSigner(),
    });
    expect(refusal(() => extendLog(crypto, full, [stranger]))).toStartWith("owner_log_invalid");
    const [known] = full.entries.slice(2);
    if (known === undefined) throw new Error("there is no entry 2");
    const renamed = { ...known, body: known.body.replace("pi-2", "pi-3") };
    expect(refusal(() => extendLog(crypto, full, [renamed]))).toContain("no valid signature");
  });
});
