import { describe, expect, test } from "bun:test";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry, beginLog } from "../../identity/owner-log.ts";
import { crypto, home, member, newKey, newSigner, NOW } from "../../identity/owner-log.fixture.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { EntryBody } from "../../protocol/owner-log.ts";
import {
  pi,
  stranger,
  withGrant,
  ROOT,
  type Setting,
  desk,
  callBy,
  running,
  cutOff,
  refused,
} from "./call-desk.fixture.ts";

/** Of somebody else, with a controller and a member. */
const mate = newSigner();
const matesPi = newSigner();
const matesBegun = await beginLog(crypto, mate, {
  name: "mate",
  kind: "laptop",
  platform: "linux-x86_64",
  link_key: newKey(),
});
const mates = await appendEntry(crypto, matesBegun, { kind: "member", body: member(matesPi), signer: mate });
const MATES = toBase64Url(mates.id);
const followed = [mates];

describe("what another owner was let use", () => {
  const served = async (setting: Setting, signer: Signer, by = MATES): Promise<boolean> => {
    const { heard } = desk(setting).ask(await callBy(signer, {}, by));
    if (heard.length === 1 && JSON.stringify(heard).includes("capability_refused")) {
      expect(heard).toMatchObject(refused("not_found"));
      return false;
    }
    return true;
  };
  const toMates = (change: Partial<EntryBody<"key">> = {}) =>
    withGrant({ public_key: MATES, holder: "owner", until: null, ...change });

  test("is for all who stand in the log that this device has of theirs, and for nobody else", async () => {
    const known = await toMates();
    expect(await served({ known, followed }, mate)).toBe(true);
    expect(await served({ known, followed }, matesPi)).toBe(true);
    expect(await served({ known, followed }, stranger)).toBe(false);
    expect(await served({ known, followed }, mate, ROOT)).toBe(false);
    expect(await served({ known, followed }, mate, toBase64Url(new Uint8Array(32)))).toBe(false);
    // Not seen yet, or not granted.
    expect(await served({ known }, mate)).toBe(false);
    expect(await served({ followed }, mate)).toBe(false);
    const without = await appendEntry(crypto, mates, {
      kind: "remove",
      body: { public_key: toBase64Url(matesPi.publicKey) },
      signer: mate,
    });
    expect(await served({ known, followed: [without] }, matesPi)).toBe(false);
  });

  test("ends where the grant does: its class, its capabilities, its devices, this device's own word", async () => {
    const known = await toMates();
    expect(await served({ known, followed, class: "control" }, mate)).toBe(false);
    expect(await served({ known, followed, class: "read" }, mate)).toBe(false);
    expect(await served({ known, followed, rules: { "llm.chat": "controllers" } }, mate)).toBe(false);
    expect(await served({ known, followed, rules: { "llm.chat": ["pi", "mate"] } }, mate)).toBe(false);
    expect(await served({ known, followed, rules: { "llm.chat": "members" } }, mate)).toBe(true);
    const other: EntryBody<"key">["scopes"] = ["capabilities"];
    const chatless = await toMates({ scopes: other, capabilities: ["embeddings"] });
    expect(await served({ known: chatless, followed }, mate)).toBe(false);
    const elsewhere = await toMates({ devices: [toBase64Url(pi.publicKey)] });
    expect(await served({ known: elsewhere, followed }, mate)).toBe(false);
    const over = await toMates({ until: NOW });
    expect(await served({ known: over, followed }, mate)).toBe(false);
  });
});

test("a grant that ends, by its time too, and a key that its owner has no more end what runs at once", async () => {
  const body = { public_key: MATES, holder: "owner", until: NOW + 1 } as const;
  const known = await withGrant(body);
  const without = await appendEntry(crypto, known, {
    kind: "remove",
    body: { public_key: MATES },
    signer: home,
  });
  const revoked = await running({ known, followed }, mate, MATES);
  revoked.grown(without);
  const left = await running({ known, followed }, matesPi, MATES);
  const gone = { public_key: toBase64Url(matesPi.publicKey) };
  left.state.followed = [await appendEntry(crypto, mates, { kind: "remove", body: gone, signer: mate })];
  left.grown(known);
  const over = await running({ known, followed }, mate, MATES);
  over.state.now = NOW + 1;
  over.answer.part(2);
  over.time.settle();
  for (const made of [revoked, left, over]) {
    expect(made.heard).toMatchObject(cutOff);
    expect(made.told).toEqual(["cancel"]);
  }
});
