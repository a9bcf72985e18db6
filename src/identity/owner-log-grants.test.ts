import { describe, expect, test } from "bun:test";
import { toBase64Url } from "../protocol/bytes.ts";
import type { JsonValue } from "../protocol/canonical-json.ts";
import type { EntryBody } from "../protocol/owner-log.ts";
import type { Signer } from "./crypto.ts";
import { ownersLetOn } from "./grant-covers.ts";
import {
  crypto,
  full,
  home,
  member,
  newKey,
  newSigner,
  NOW,
  phone,
  pi,
  whyNot,
} from "./owner-log.fixture.ts";
import { appendEntry, type OwnerLog } from "./owner-log.ts";

const program = newSigner();
const text = (of: Signer): string => toBase64Url(of.publicKey);
const grant = (change: Partial<EntryBody<"key">> = {}): EntryBody<"key"> => ({
  public_key: text(program),
  name: "editor",
  holder: "program",
  scopes: ["capabilities", "models"],
  capabilities: ["llm.chat"],
  devices: null,
  until: NOW + 1000,
  ...change,
});
const granted = await appendEntry(crypto, full, { kind: "key", body: grant(), signer: home });

test("a grant holds until its time, and makes its key no device, member or controller", () => {
  expect(granted.grantOf(program.publicKey, NOW)).toMatchObject({
    name: "editor",
    capabilities: ["llm.chat"],
  });
  expect(granted.grantOf(program.publicKey, NOW + 1000)).toBeUndefined();
  expect(granted.grants()).toHaveLength(1);
  expect(granted.roleOf(program.publicKey, NOW)).toBeUndefined();
  expect(granted.mayCommand(program.publicKey, NOW)).toBe(false);
  expect(full.grantOf(program.publicKey, NOW)).toBeUndefined();
});

test("a grant is removed by an admin or by its own key, and never comes back", async () => {
  for (const signer of [home, program]) {
    const body = { public_key: text(program) };
    const after = await appendEntry(crypto, granted, { kind: "remove", body, signer });
    expect(after.grantOf(program.publicKey, NOW)).toBeUndefined();
    expect(after.wasRemoved(program.publicKey)).toBe(true);
    expect(await whyNot(after, "key", { body: grant(), signer: home })).toContain("removed before");
  }
});

describe("another owner's device", () => {
  const [gpu, nas] = [newKey(), newKey()];
  const entry = (log: typeof full, change: Partial<EntryBody<"key">>): Promise<typeof full> =>
    appendEntry(crypto, log, { kind: "key", body: grant({ holder: "device", ...change }), signer: home });

  test("may be let use other things on other devices, and the same device's anew", async () => {
    let log = await entry(full, { devices: [gpu] });
    log = await entry(log, { devices: [nas], capabilities: ["embeddings"], until: null });
    const held = (at: number) =>
      log.grantsOf(program.publicKey, at).map(({ devices, capabilities }) => [devices, capabilities]);
    expect(held(NOW)).toEqual([
      [[gpu], ["llm.chat"]],
      [[nas], ["embeddings"]],
    ]);
    expect(held(NOW + 1000)).toEqual([[[nas], ["embeddings"]]]);
    log = await entry(log, { devices: [gpu], capabilities: ["x.own"], until: null });
    expect(held(NOW)).toEqual([
      [[nas], ["embeddings"]],
      [[gpu], ["x.own"]],
    ]);
    expect(log.grants()).toHaveLength(2);
    expect(await whyNot(log, "key", { body: grant(), signer: home })).toContain("the key of a grant");
    expect(await whyNot(log, "member", { body: member(program), signer: home })).toContain(
      "the key of a grant",
    );
  });

  test("loses all of it by one removal, and may be let in again: its key is not this owner's to spend", async () => {
    let log = await entry(await entry(full, { devices: [gpu] }), { devices: [nas] });
    const body = { public_key: text(program) };
    log = await appendEntry(crypto, log, { kind: "remove", body, signer: home });
    expect(log.grantsOf(program.publicKey, NOW)).toEqual([]);
    expect(log.wasRemoved(program.publicKey)).toBe(false);
    expect(await whyNot(log, "remove", { body, signer: home })).toContain("not in this log");
    log = await entry(log, { devices: [gpu] });
    expect(log.grantsOf(program.publicKey, NOW)).toHaveLength(1);
  });

  test("counts as often as it has one, and a new one in an old one's place not again", async () => {
    let log = full;
    for (let n = 0; n < 256; n++) log = await entry(log, { devices: [newKey()] });
    expect(await whyNot(log, "key", { body: grant({ public_key: newKey() }), signer: home })).toContain(
      "256",
    );
    const [first] = log.grants();
    log = await entry(log, { devices: [...(first?.devices ?? [])], until: null });
    expect(log.grants()).toHaveLength(256);
  });
});

describe("another owner, by the id of their log", () => {
  const gpu = newKey();
  const nas = newKey();
  const root = newKey();
  const entry = (log: OwnerLog, change: Partial<EntryBody<"key">>) =>
    appendEntry(crypto, log, {
      kind: "key",
      body: grant({ public_key: root, holder: "owner", scopes: ["capabilities"], ...change }),
      signer: home,
    });

  test("is let use things, on each list of devices others, until a time", async () => {
    let log = await entry(full, { devices: [gpu] });
    log = await entry(log, { devices: [nas], capabilities: ["embeddings"], until: null });
    log = await entry(log, { devices: [gpu], capabilities: ["x.own"] });
    const held = (at: number) => log.ownerGrantsOf(root, at).map(({ capabilities }) => capabilities);
    expect(held(NOW)).toEqual([["embeddings"], ["x.own"]]);
    expect(held(NOW + 1000)).toEqual([["embeddings"]]);
    expect(ownersLetOn(log, gpu)).toEqual([root]);
    expect(ownersLetOn(log, newKey())).toEqual([]);
    expect(ownersLetOn(await entry(log, { devices: null }), newKey())).toEqual([root]);
  });

  test("is no key: nobody who had one of those bytes could use it, and no key is an owner", async () => {
    const log = await entry(full, {});
    const bytes = log.grants()[0]?.publicKey ?? new Uint8Array();
    expect(log.grantsOf(bytes, NOW)).toEqual([]);
    expect(log.roleOf(bytes, NOW)).toBeUndefined();
    expect(granted.ownerGrantsOf(text(program), NOW)).toEqual([]);
    for (const holder of ["device", "program"] as const) {
      expect(await whyNot(log, "key", { body: grant({ public_key: root, holder }), signer: home })).toContain(
        "the key of a grant",
      );
    }
  });

  test("loses all of it by one removal, and may be let in again", async () => {
    let log = await entry(await entry(full, { devices: [gpu] }), { devices: [nas] });
    log = await appendEntry(crypto, log, { kind: "remove", body: { public_key: root }, signer: home });
    expect(log.ownerGrantsOf(root, NOW)).toEqual([]);
    expect(ownersLetOn(log, gpu)).toEqual([]);
    log = await entry(log, { devices: [gpu] });
    expect(log.ownerGrantsOf(root, NOW)).toHaveLength(1);
  });

  test("is not the owner of this log, nor the 17th", async () => {
    const body = grant({ public_key: toBase64Url(full.id), holder: "owner" });
    expect(await whyNot(full, "key", { body, signer: home })).toContain("the owner of this log");
    let log = await entry(full, {});
    for (let n = 1; n < 16; n++) log = await entry(log, { public_key: newKey() });
    const more = grant({ public_key: newKey(), holder: "owner" });
    expect(await whyNot(log, "key", { body: more, signer: home })).toContain("16 other owners");
    expect((await entry(log, { devices: [gpu] })).ownerGrantsOf(root, NOW)).toHaveLength(2);
  });
});

describe("a grant is refused when", () => {
  const cases: [string, JsonValue, Signer][] = [
    ["no scope admin here", grant(), pi],
    ["no scope admin here", grant(), phone],
    ["no scope admin here", grant(), program],
    ["the key of a device", grant({ public_key: text(pi) }), home],
    [
      "the key of an invite",
      grant({ public_key: toBase64Url(full.invite(1)?.claimKey ?? new Uint8Array()) }),
      home,
    ],
    ["scopes are not sorted", grant({ scopes: ["models", "capabilities"] }), home],
    ["scopes are not sorted", grant({ scopes: ["models", "models"], capabilities: null }), home],
    ["no proper scopes", grant({ scopes: [], capabilities: null }), home],
    ["no proper scopes.0", { ...grant(), scopes: ["command"] }, home],
    ["without the scope", grant({ scopes: ["models"] }), home],
    ["capabilities are not sorted", grant({ capabilities: ["llm.chat", "embeddings"] }), home],
    ["no proper capabilities.0", grant({ capabilities: ["LLM"] }), home],
    ["devices are not sorted", grant({ devices: [newKey(), newKey()].toSorted().toReversed() }), home],
    ["no proper name", grant({ name: "" }), home],
    ["no proper name", grant({ name: "a\nb" }), home],
    ["no proper holder", { ...grant(), holder: "person" }, home],
    ["wrong fields", { ...grant(), extra: 1 }, home],
  ];

  test.each(cases)("%s", async (reason, body, signer) => {
    const message = await whyNot(full, "key", { body, signer });
    expect(message).toStartWith("owner_log_invalid");
    expect(message).toContain(reason);
  });

  test("its key has one already, and a key of a grant becomes nothing else", async () => {
    expect(await whyNot(granted, "key", { body: grant(), signer: home })).toContain("the key of a grant");
    expect(await whyNot(granted, "member", { body: member(program), signer: home })).toContain(
      "the key of a grant",
    );
    const invite = { claim_key: text(program), expires_at: NOW, names: [], role: "member" };
    expect(await whyNot(granted, "invite", { body: invite, signer: home })).toContain("the key of a grant");
    const recovery = { public_key: text(program) };
    expect(await whyNot(granted, "recovery", { body: recovery, signer: home })).toContain(
      "the key of a grant",
    );
  });

  test("there are 256 already", async () => {
    let log = full;
    for (let n = 0; n < 256; n++) {
      log = await appendEntry(crypto, log, {
        kind: "key",
        body: grant({ public_key: newKey() }),
        signer: home,
      });
    }
    expect(await whyNot(log, "key", { body: grant(), signer: home })).toContain("256");
  });
});
