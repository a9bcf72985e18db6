import { describe, expect, test } from "bun:test";
import { toBase64Url, utf8 } from "../protocol/bytes.ts";
import { canonicalJson } from "../protocol/canonical-json.ts";
import type { JsonValue } from "../protocol/canonical-json.ts";
import { OWNER_LOG_MAX_ENTRIES } from "../protocol/limits.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { Signer } from "./crypto.ts";
import {
  begun,
  browserRights,
  controller,
  crypto,
  DAY_MS,
  forge,
  full,
  home,
  laptop,
  member,
  newKey,
  newSigner,
  NOW,
  phone,
  pi,
  whyNot,
} from "./owner-log.fixture.ts";
import { refusal, rejection } from "./refusal.fixture.ts";
import { appendEntry, beginLog, extendLog, longestValid } from "./owner-log.ts";

describe("an entry is refused when", () => {
  const stranger = newSigner();
  const linkOf = (of: Signer): string =>
    toBase64Url(full.participant(of.publicKey)?.linkKey ?? new Uint8Array());

  const cases: [string, string, JsonValue, Signer][] = [
    [
      "one begin entry",
      "begin",
      { kind: "laptop", link_key: newKey(), name: "x2", nonce: newKey(), platform: "p" },
      home,
    ],
    ['this version does not know the rules of "checkpoint" entries', "checkpoint", {}, home],
    ["no proper public_key", "remove", {}, home],
    ["not in this log", "remove", { public_key: toBase64Url(stranger.publicKey) }, home],
    ["no scope admin here", "remove", { public_key: toBase64Url(laptop.publicKey) }, pi],
    ["no scope admin here", "remove", { public_key: toBase64Url(pi.publicKey) }, phone],
    ["no scope admin here", "remove", { public_key: toBase64Url(pi.publicKey) }, stranger],
    ['this version does not know the rules of "checkpoint" entries', "checkpoint", {}, home],
    ['there are no "grant" entries', "grant", {}, home],
    ['there are no "constructor" entries', "constructor", {}, home],
    ["wrong fields", "controller", { ...controller(stranger), extra: 1 }, home],
    ["wrong fields", "controller", [], home],
    ["no proper public_key", "controller", { ...controller(stranger), public_key: "AAAA" }, home],
    ["no proper scopes", "controller", { ...controller(stranger), scopes: [] }, home],
    ["no proper scopes.0", "controller", { ...controller(stranger), scopes: ["root"] }, home],
    ["no proper name", "controller", { ...controller(stranger), name: "a--b" }, home],
    ["scopes are not sorted", "controller", controller(stranger, { scopes: ["command", "command"] }), home],
    ["no scope admin here", "controller", controller(stranger), stranger],
    ["no scope admin here", "controller", controller(stranger), pi],
    ["no scope admin here", "controller", controller(stranger), phone],
    ["a vm never commands", "controller", controller(stranger, { kind: "vm", named: true }), home],
    ["only when chosen by name", "controller", controller(stranger, { kind: "vps" }), home],
    ["only when chosen by name", "controller", controller(stranger, { kind: "raspberry_pi" }), home],
    [
      "only when chosen by name",
      "controller",
      controller(stranger, { ...browserRights, named: false }),
      home,
    ],
    [
      "a browser never has the scope admin",
      "controller",
      controller(stranger, { ...browserRights, scopes: ["admin"], until: null }),
      home,
    ],
    ["at most 30 days", "controller", controller(stranger, { ...browserRights, until: null }), home],
    [
      "at most 30 days",
      "controller",
      controller(stranger, { ...browserRights, until: NOW + 30 * DAY_MS + 1 }),
      home,
    ],
    ["ends before it begins", "controller", controller(stranger, { ...browserRights, until: NOW }), home],
    ["the scope admin has no end", "controller", controller(stranger, { until: NOW + 1 }), home],
    ["known as a raspberry_pi", "controller", controller(pi, { link_key: linkOf(pi) }), home],
    ["known with another link key", "controller", controller(laptop), home],
    ["no scope admin here", "member", member(stranger), stranger],
    ["no scope admin here", "member", member(stranger), phone],
    ["a member already", "member", member(pi), home],
    ["known with another link key", "member", member(laptop, { kind: "laptop" }), home],
    [
      "no such invite",
      "member",
      member(stranger, { claim: { invite: 9, hub_key: newKey(), own: toBase64Url(new Uint8Array(64)) } }),
      home,
    ],
    [
      "does not hold the invite",
      "member",
      member(stranger, { claim: { invite: 1, hub_key: newKey(), own: toBase64Url(new Uint8Array(64)) } }),
      home,
    ],
    [
      "no scope admin here",
      "invite",
      { claim_key: newKey(), expires_at: NOW, names: [], role: "member" },
      pi,
    ],
    [
      "no proper role",
      "invite",
      { claim_key: newKey(), expires_at: NOW, names: [], role: "controller" },
      home,
    ],
    [
      "used by another invite",
      "invite",
      {
        claim_key: toBase64Url(full.invite(1)?.claimKey ?? new Uint8Array()),
        expires_at: NOW,
        names: [],
        role: "member",
      },
      home,
    ],
    [
      "the key of a device",
      "invite",
      { claim_key: toBase64Url(pi.publicKey), expires_at: NOW, names: [], role: "member" },
      home,
    ],
  ];

  test.each(cases)("%s (%s)", async (reason, kind, body, signer) => {
    const message = await whyNot(full, kind, { body, signer });
    expect(message).toStartWith("owner_log_invalid");
    expect(message).toContain(reason);
  });

  test("it would leave nobody with admin", async () => {
    const link_key = toBase64Url(begun.participant(home.publicKey)?.linkKey ?? new Uint8Array());
    const body = controller(home, { kind: "desktop", scopes: ["command"], link_key });
    expect(await whyNot(begun, "controller", { body: body, signer: home })).toContain(
      "nobody with the scope admin",
    );
    expect(await whyNot(full, "controller", { body: body, signer: laptop })).toBe("none");
  });

  test("its signer lost admin before it", async () => {
    const link_key = linkOf(home);
    const body = controller(home, { kind: "desktop", scopes: ["command"], link_key });
    const lessened = await appendEntry(crypto, full, { kind: "controller", body, signer: laptop });
    expect(await whyNot(lessened, "controller", { body: controller(stranger), signer: home })).toContain(
      "no scope admin",
    );
  });

  test("a vm or a browser begins the log", async () => {
    for (const kind of ["vm", "browser"] as const) {
      const device = { name: "home", kind, platform: "p", link_key: newKey() };
      expect(await rejection(beginLog(crypto, home, device))).toContain(`a ${kind} `);
    }
  });

  test.each(['{ "a":1}', "[1", '{"b":1,"a":1}'])("its body is %s, not canonical JSON", async (body) => {
    const entry = await forge(full, { kind: "invite", body, signer: home });
    expect(refusal(() => extendLog(crypto, full, [entry]))).toContain("not canonical JSON");
  });

  test("it is larger than 16 KiB", async () => {
    const body = "x".repeat(16 * 1024 - 100);
    const entry = await forge(full, { kind: "invite", body, signer: home });
    expect(refusal(() => extendLog(crypto, full, [entry]))).toContain("larger than 16384 bytes");
  });

  test("the log has 4,096 entries", async () => {
    const entries = [...begun.entries];
    let previous = begun.head.hash;
    while (entries.length <= OWNER_LOG_MAX_ENTRIES) {
      const number = entries.length;
      const body = canonicalJson({ claim_key: newKey(), expires_at: NOW, names: [], role: "member" });
      const at = { id: begun.id, length: number, head: { number: number - 1, hash: previous } };
      entries.push(await forge(at, { kind: "invite", body, signer: home }));
      const fields = {
        log: begun.id,
        number,
        previous,
        kind: "invite",
        body: utf8(body),
        by: home.publicKey,
      };
      previous = crypto.sha256(signedBytes("log", fields));
    }
    const { log, refused } = longestValid(crypto, undefined, entries);
    expect(log?.length).toBe(OWNER_LOG_MAX_ENTRIES);
    expect(refused?.message).toContain("full");
  });
});

describe("a removed key", () => {
  const remove = (of: Signer) =>
    ({ kind: "remove", body: { public_key: toBase64Url(of.publicKey) } }) as const;

  test("is nobody from then on, and never comes back", async () => {
    const without = await appendEntry(crypto, full, { ...remove(laptop), signer: home });
    expect(without.roleOf(laptop.publicKey, NOW)).toBeUndefined();
    expect(without.wasRemoved(laptop.publicKey)).toBe(true);
    expect(full.wasRemoved(laptop.publicKey)).toBe(false);
    for (const again of [
      { kind: "member", body: member(laptop), signer: home } as const,
      { kind: "controller", body: controller(laptop), signer: home } as const,
    ]) {
      const refused = await rejection(appendEntry(crypto, without, again));
      expect(refused).toContain("the key was removed before");
    }
  });

  test("may be a machine that leaves by itself", async () => {
    const left = await appendEntry(crypto, full, { ...remove(pi), signer: pi });
    expect(left.wasRemoved(pi.publicKey)).toBe(true);
  });

  test("is never the last with the scope admin", async () => {
    const refused = await rejection(appendEntry(crypto, begun, { ...remove(home), signer: home }));
    expect(refused).toContain("nobody with the scope admin");
  });
});
