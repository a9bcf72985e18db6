import { expect, test } from "bun:test";
import { beginBrowserLog } from "../../../src/identity/browser-log.ts";
import { isShared } from "../../../src/identity/owner-log-shares.ts";
import { extendLog } from "../../../src/identity/owner-log.ts";
import {
  crypto,
  full,
  home,
  HUB_KEY,
  newSigner,
  NOW,
  phone,
  pi,
} from "../../../src/identity/owner-log.fixture.ts";
import { Secret } from "../../../src/identity/secret.ts";
import { makeShareOffer, offerOf } from "../../../src/identity/share-token.ts";
import { readAuthority } from "../session/authority.ts";
import { readShareLink, takeShareLink } from "../session/share-link.ts";
import { claimKeyOf, signClaim, type ClaimWish } from "./claim-steps.ts";
import { unshareCommand } from "./unshare-command.ts";

const wish = { log: full, hubKey: HUB_KEY, device: pi.publicKey, expiresAtMs: NOW, signer: home };
const { token, log: shared } = await makeShareOffer(crypto, { ...wish, browser: true });
const signer = newSigner();
const linkKey = crypto.randomBytes(32);
const { log: own } = await beginBrowserLog(crypto, { signer, linkKey, name: "Firefox", nowMs: NOW });
const claim: ClaimWish = {
  token,
  shared: shared.entries,
  hubKey: HUB_KEY,
  own,
  known: 0,
  signer,
  name: "anna",
};
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "none",
    (error: unknown) => (error as { code?: string }).code,
  );

test("a link has a whole token, and leaves the address bar before anything else happens", () => {
  const text = token.reveal();
  const read = readShareLink(`#${text}`);
  expect(read instanceof Secret ? read.reveal() : read).toBe(text);
  expect(["", "#", `#${text.slice(0, -1)}`, "#login.a.b"].map(readShareLink)).toEqual([
    undefined,
    undefined,
    "malformed",
    "malformed",
  ]);
  const shown: string[] = [];
  const history = { replaceState: (_state: unknown, _unused: string, url: string) => void shown.push(url) };
  const location = { hash: `#${text}`, pathname: "/claim", search: "" };
  // Only these members of the two are used.
  takeShareLink(location as Location, history as unknown as History);
  expect(shown).toEqual(["/claim"]);
});

test("what is signed names the device's owner and this browser's log, and tells nothing of the token", async () => {
  const signed = await signClaim(crypto, claim);
  const longer = extendLog(crypto, shared, [signed.entry]);
  const theirs = extendLog(crypto, own, signed.theirs);
  expect(isShared(longer, theirs, pi.publicKey)).toBe(true);
  expect(JSON.stringify(signed)).not.toContain(token.reveal().slice(-40));
  expect(claimKeyOf(crypto, token)).toBe(
    offerOf(crypto, { token, log: shared, hubKey: HUB_KEY }).offer.claimKey,
  );
  // Asked again after it stands, it is the same claim.
  const again = await signClaim(crypto, { ...claim, shared: longer.entries });
  expect([again.entry, again.proof]).toEqual([signed.entry, signed.proof]);
});

test("a token of another hub, of another log, or spent by another signs nothing", async () => {
  const spent = extendLog(crypto, shared, [(await signClaim(crypto, claim)).entry]);
  const other = newSigner();
  const begun = await beginBrowserLog(crypto, { signer: other, linkKey, name: "Other", nowMs: NOW });
  for (const change of [
    { hubKey: crypto.randomBytes(32) },
    { shared: full.entries },
    { shared: own.entries },
    { shared: spent.entries, own: begun.log, signer: other },
  ]) {
    expect(await codeOf(signClaim(crypto, { ...claim, ...change }))).toBe("token_invalid");
  }
});

test("a link that is for machines alone is spent by no browser's claim, whatever the hub says of it", async () => {
  const closed = await makeShareOffer(crypto, wish);
  const given = { ...claim, token: closed.token, shared: closed.log.entries };
  const refused = await signClaim(crypto, given).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "invalid", hint: expect.stringContaining("--browser") as never });
});

test("a page whose log no machine writes has no machine to order, and says so", () => {
  const at = { crypto, nowMs: NOW, servedBy: null };
  expect(readAuthority(own, signer.publicKey, at)).toMatchObject({
    hubDevice: null,
    command: "may",
    keptByWords: true,
    begunInBrowser: true,
  });
  expect(readAuthority(full, phone.publicKey, at)).toMatchObject({
    hubDevice: { name: "home" },
    keptByWords: false,
    begunInBrowser: false,
  });
});

test("the command that ends a share names one co-owner and no other", () => {
  const anna = { name: "anna", owner: "AAAABBBBCCCCDDDD", holds: true };
  const namesake = { name: "anna", owner: "EEEEFFFFGGGGHHHH", holds: false };
  const sly = { name: "-x", owner: "-AAABBBBCCCCDDDD", holds: true };
  const ben = { name: "Ben B.; rm", owner: "IIIIJJJJKKKKLLLL", holds: true };
  expect(unshareCommand("pi", anna, [anna, ben])).toBe("muster device unshare pi anna");
  expect(unshareCommand("pi", anna, [anna, namesake])).toBe("muster device unshare pi AAAABBBBCCCC");
  expect(unshareCommand("pi", sly, [sly])).toBe("muster device unshare pi -- -x");
  expect(unshareCommand("pi", ben, [anna, ben])).toBe("muster device unshare pi IIIIJJJJKKKK");
});
