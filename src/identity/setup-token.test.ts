import { describe, expect, test } from "bun:test";
import { toBase64Url, utf8 } from "../protocol/bytes.ts";
import type { JsonValue } from "../protocol/canonical-json.ts";
import type { Signer } from "./crypto.ts";
import {
  begun,
  claimed,
  controller,
  crypto,
  home,
  HUB_KEY,
  invited,
  newKey,
  newSigner,
  NOW,
  phone,
  piDevice,
  whyNot,
  withBrowser,
} from "./owner-log.fixture.ts";
import type { Member } from "./owner-log.fixture.ts";
import { refusal, rejection } from "./refusal.fixture.ts";
import { beginLog, extendLog } from "./owner-log.ts";
import type { OwnerLog } from "./owner-log.ts";
import { makeClaim, makeInvite } from "./setup-token.ts";

describe("claims", () => {
  test("a second claim of one invite is invalid, by whomever", async () => {
    const other = { ...piDevice, signer: newSigner(), name: "pi-3" };
    const second = await makeClaim(crypto, {
      token: invited.token,
      log: invited.log,
      hubKey: HUB_KEY,
      device: other,
    });
    // Where the first claim stands, the second forks; placed behind it, it is spent.
    expect(refusal(() => extendLog(crypto, claimed.log, [second.entry]))).toStartWith("owner_log_forked");
    const late = makeClaim(crypto, {
      token: invited.token,
      log: claimed.log,
      hubKey: HUB_KEY,
      device: other,
    });
    expect(await rejection(late)).toContain("token_invalid");
  });

  test("an invite's holder can write nothing but its one claim", async () => {
    const { token, log } = await makeInvite(crypto, {
      log: withBrowser,
      hubKey: HUB_KEY,
      names: [],
      expiresAtMs: NOW,
      signer: home,
    });
    const claimer = claimerOf(token.reveal());
    const device = { ...piDevice, signer: newSigner(), name: "nas" };
    const { entry, log: spent } = await makeClaim(crypto, { token, log, hubKey: HUB_KEY, device });
    // The body was just made by this version.
    const body = JSON.parse(entry.body) as Member;
    const page = toBase64Url(phone.publicKey);
    const claimKey = toBase64Url(claimer.publicKey);
    const wrong: [string, OwnerLog, string, JsonValue][] = [
      ["was spent before", spent, "member", { ...body, public_key: newKey() }],
      ["no scope admin", log, "member", { ...body, claim: null }],
      ["no scope admin", log, "controller", controller(newSigner())],
      ["did not sign the claim", log, "member", { ...body, public_key: newKey() }],
      ["did not sign the claim", log, "member", { ...body, link_key: newKey() }],
      ["did not sign the claim", log, "member", { ...body, kind: "laptop" }],
      ["did not sign the claim", log, "member", { ...body, ssh_host_keys: [] }],
      ["known already", log, "member", { ...body, public_key: page }],
      ["did not sign the claim", log, "member", { ...body, public_key: claimKey }],
    ];
    for (const [reason, onto, kind, value] of wrong) {
      expect(await whyNot(onto, kind, { body: value, signer: claimer })).toContain(reason);
    }
  });

  test("a claim takes one of the invite's names, or it numbered", async () => {
    for (const [name, taken] of [
      ["pi", true],
      ["pi-7", true],
      ["other", false],
    ] as const) {
      const claim = makeClaim(crypto, {
        token: invited.token,
        log: invited.log,
        hubKey: HUB_KEY,
        device: { ...piDevice, name },
      });
      if (taken) expect((await claim).entry.kind).toBe("member");
      else expect(await rejection(claim)).toContain("another name");
    }
  });

  test("a token is for one log and one hub", async () => {
    const other = await beginLog(crypto, home, {
      name: "home",
      kind: "desktop",
      platform: "p",
      link_key: newKey(),
    });
    const wish = { token: invited.token, log: invited.log, hubKey: HUB_KEY, device: piDevice };
    const wrong = [
      { ...wish, log: other },
      { ...wish, hubKey: crypto.randomBytes(32) },
      { ...wish, log: begun },
    ];
    for (const one of wrong) expect(await rejection(makeClaim(crypto, one))).toContain("token_invalid");
  });
});

/** What a device makes of a token, written down once more: seed behind pin and number, HMAC with the label. */
function claimerOf(token: string): Signer {
  const seed = Buffer.from(token.slice("mst1_".length), "base64url").subarray(16 + 4);
  return crypto.ed25519Signer(crypto.hmacSha256(seed, utf8("muster/v1/claim key")));
}
