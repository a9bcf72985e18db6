import { describe, expect, test } from "bun:test";
import { isShared } from "../../identity/owner-log-shares.ts";
import { appendEntry, beginLog, type NewEntry, type OwnerLog } from "../../identity/owner-log.ts";
import type { Signer } from "../../identity/crypto.ts";
import type { Secret } from "../../identity/secret.ts";
import { makeShareClaim, makeShareOffer, offerOf, takeShared } from "../../identity/share-token.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import { HUB, PAGE, testHub, type Owner, type TestHub } from "./hub.fixture.ts";
import { commitClaim, readClaim } from "./share-claiming.ts";

const HOUR_MS = 3_600_000;

interface Scene {
  hub: TestHub;
  token: Secret<string>;
  /** Of the device that is shared. */
  key: Uint8Array;
}

async function scene(hub: TestHub, expiresInMs = HOUR_MS): Promise<Scene> {
  const { key } = await hub.home.device("server");
  const device = fromBase64Url(key) ?? new Uint8Array(0);
  const linkKey = hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32));
  const about = { name: "server", kind: "vps", platform: "linux-x86_64" } as const;
  await hub.parts.home.admitMember({ publicKey: device, linkKey, ...about });
  return { hub, key: device, token: await offer(hub, device, expiresInMs) };
}

async function offer(hub: TestHub, device: Uint8Array, expiresInMs = HOUR_MS): Promise<Secret<string>> {
  const { signer } = hub.home;
  const expiresAtMs = hub.clock.now() + expiresInMs;
  const hubKey = hub.hubSigner.publicKey;
  const wish = { log: hub.home.log(), hubKey, device, expiresAtMs, signer };
  const made = await makeShareOffer(hub.crypto, wish);
  await hub.logs.append(made.entry);
  return made.token;
}

async function newcomer(hub: TestHub, signer: Signer = newSigner(hub)): Promise<[OwnerLog, Signer]> {
  const about = { name: "mate", kind: "laptop", platform: "linux-x86_64" } as const;
  const link_key = toBase64Url(hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32)));
  return [await beginLog(hub.crypto, signer, { ...about, link_key }), signer];
}

/** Makes this key one of an owner's own. */
function controller(hub: TestHub, { publicKey }: Signer): NewEntry {
  const link_key = toBase64Url(hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32)));
  const about = { name: "laptop", kind: "laptop", platform: "linux-x86_64", named: false } as const;
  const rights = { scopes: ["command" as const], since: hub.clock.now(), until: null };
  const body = { ...about, ...rights, public_key: toBase64Url(publicKey), link_key };
  return { kind: "controller", body, signer: hub.other.signer };
}

const newSigner = (hub: TestHub): Signer => hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));

/** What a home sends that takes the device into this log. */
async function claiming(
  { hub, token }: Scene,
  [log, signer]: [OwnerLog, Signer],
): Promise<{ entry: OwnerLogEntry; taken: OwnerLog }> {
  const wish = { token, log: hub.home.log(), hubKey: hub.hubSigner.publicKey };
  const { entry } = await makeShareClaim(hub.crypto, { ...wish, owner: log, name: "Mate" });
  const { device } = offerOf(hub.crypto, wish);
  const { log: taken } = await takeShared(hub.crypto, { log, sharedBy: hub.home.log(), device, signer });
  return { entry, taken };
}

function send(
  { hub }: Scene,
  {
    entry,
    theirs,
    visitor = "192.0.2.9",
  }: { entry: OwnerLogEntry; theirs: readonly OwnerLogEntry[]; visitor?: string },
): Promise<Response> {
  return hub.call("/api/device/claim", { at: HUB, body: { entry, theirs }, visitor });
}

const ownerOf = ({ signer, log }: Owner): [OwnerLog, Signer] => [log(), signer];

test("a home that has joined nothing begins its own log here and takes the device", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const { entry, taken } = await claiming(at, await newcomer(hub));
  const response = await send(at, { entry, theirs: taken.entries });
  expect(await response.json()).toMatchObject({ name: "server", home: { name: "mate" } });
  const known = hub.logs.get(toBase64Url(taken.id));
  expect(known !== undefined && isShared(hub.home.log(), known, at.key)).toBe(true);
  expect(
    (await hub.parts.audit.read({ ownerRoot: hub.home.root, limit: 5, cursor: null }))?.items,
  ).toMatchObject([{ action: "device.shared", detail: { with: "Mate" } }]);
});

test("an owner who is here already takes it into its own log", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const { entry, taken } = await claiming(at, ownerOf(hub.other));
  const response = await send(at, { entry, theirs: taken.entries.slice(-1) });
  expect(await response.json()).toMatchObject({ name: "server", home: null });
  expect(isShared(hub.home.log(), hub.other.log(), at.key)).toBe(true);
});

test("whoever lost the answer gets it again", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const { entry, taken } = await claiming(at, await newcomer(hub));
  const first = await send(at, { entry, theirs: taken.entries });
  const again = await send(at, { entry, theirs: taken.entries });
  expect([first.status, again.status]).toEqual([200, 200]);
  expect(await again.text()).toBe(await first.text());
  expect(hub.home.log().coOwners()).toHaveLength(1);
});

test("whoever let the device go takes it again by the same claim, while its owner lets them", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const { entry, taken } = await claiming(at, ownerOf(hub.other));
  await send(at, { entry, theirs: taken.entries.slice(-1) });
  const device = toBase64Url(at.key);
  const ending = (of: Owner, by: Owner): NewEntry => ({
    kind: "share",
    body: { step: "end", device, owner: of.root },
    signer: by.signer,
  });
  const append = async (to: Owner, more: NewEntry): Promise<void> => {
    const longer = await appendEntry(hub.crypto, to.log(), more);
    await hub.logs.append(longer.entries.at(-1) as OwnerLogEntry);
  };
  const takeAgain = async (): Promise<Response> => {
    const log = hub.other.log();
    const known = hub.home.log().participant(at.key);
    if (known === undefined) throw new Error("the log does not name it");
    const wish = { log, sharedBy: hub.home.log(), device: known, signer: hub.other.signer };
    return send(at, { entry, theirs: [(await takeShared(hub.crypto, wish)).entry] });
  };
  await append(hub.other, ending(hub.home, hub.other));
  expect((await takeAgain()).status).toBe(200);
  expect(isShared(hub.home.log(), hub.other.log(), at.key)).toBe(true);
  await append(hub.other, ending(hub.home, hub.other));
  await append(hub.home, ending(hub.other, hub.home));
  expect((await takeAgain()).status).toBe(422);
  expect(isShared(hub.home.log(), hub.other.log(), at.key)).toBe(false);
});

test("a token makes one co-owner, also when twenty come at once", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const claims = [];
  for (let count = 0; count < 20; count++) claims.push(await claiming(at, await newcomer(hub)));
  const before = hub.logs.roots().length;
  const answers = await Promise.all(
    claims.map(({ entry, taken }, from) =>
      send(at, { entry, theirs: taken.entries, visitor: `198.51.100.${from}` }),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  // Nobody else has begun a log.
  expect(hub.logs.roots()).toHaveLength(before + 1);
});

test("signs anew when a log moved on meanwhile; the token is not spent", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const mate = await newcomer(hub);
  const early = await claiming(at, mate);
  await offer(hub, at.key);
  const refused = await send(at, { entry: early.entry, theirs: early.taken.entries });
  expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: "conflict" } }]);
  const { entry, taken } = await claiming(at, mate);
  expect((await send(at, { entry, theirs: taken.entries })).status).toBe(200);
});

describe("nobody comes to be an owner, and no log begins, when", () => {
  const cases: [
    string,
    (at: Scene) => Promise<{ entry: OwnerLogEntry; theirs: readonly OwnerLogEntry[] }>,
  ][] = [
    [
      "the token is over",
      async (at) => {
        const { entry, taken } = await claiming(at, await newcomer(at.hub));
        at.hub.clock.advance(HOUR_MS + 1);
        return { entry, theirs: taken.entries };
      },
    ],
    [
      "the token is not of this hub's making",
      async (at) => {
        const { entry, taken } = await claiming(at, await newcomer(at.hub));
        const by = toBase64Url(newSigner(at.hub).publicKey);
        return { entry: { ...entry, by }, theirs: taken.entries };
      },
    ],
    [
      "the log that is sent is another than the claim names",
      async (at) => {
        const { entry } = await claiming(at, await newcomer(at.hub));
        const { taken } = await claiming(at, await newcomer(at.hub));
        return { entry, theirs: taken.entries };
      },
    ],
    [
      "the log that is named has not taken the device",
      async (at) => {
        const mate = await newcomer(at.hub);
        const { entry } = await claiming(at, mate);
        return { entry, theirs: mate[0].entries };
      },
    ],
    [
      "a key of another owner begins it",
      async (at) => {
        const { entry, taken } = await claiming(at, await newcomer(at.hub, at.hub.other.signer));
        return { entry, theirs: taken.entries };
      },
    ],
    [
      "more than a claim takes comes with it",
      async (at) => {
        const [log, signer] = await newcomer(at.hub);
        const body = { public_key: toBase64Url(newSigner(at.hub).publicKey) };
        const more: NewEntry = { kind: "recovery", body, signer };
        const longer = await appendEntry(at.hub.crypto, log, more);
        const { entry } = await claiming(at, [longer, signer]);
        return { entry, theirs: longer.entries };
      },
    ],
  ];
  for (const [name, make] of cases) {
    test(name, async () => {
      await using hub = await testHub();
      const at = await scene(hub);
      const sent = await make(at);
      const before = hub.logs.roots().length;
      expect((await send(at, sent)).status).toBeGreaterThanOrEqual(400);
      expect(hub.home.log().coOwners()).toEqual([]);
      expect(hub.logs.roots()).toHaveLength(before);
    });
  }
});

test("of a claim and another owner's entry that take one key at the same time, the first has it", async () => {
  await using hub = await testHub();
  const [at, facts] = [await scene(hub), { visitor: "192.0.2.9", requestId: "r" }];
  for (const isClaimFirst of [false, true]) {
    const [log, signer] = await newcomer(hub);
    const { entry, taken } = await claiming(at, [log, signer]);
    const read = await readClaim(hub.parts, { entry, theirs: [...taken.entries] });
    const longer = await appendEntry(hub.crypto, hub.other.log(), controller(hub, signer));
    const claim = () => commitClaim(hub.parts, read, { userId: null, facts });
    const append = () => hub.logs.append(longer.entries.at(-1) as OwnerLogEntry);
    const [first, second] = isClaimFirst ? [claim, append] : [append, claim];
    const [done, refused] = await Promise.allSettled([first(), second()]);
    expect(done.status).toBe("fulfilled");
    expect(refused).toMatchObject({ reason: { code: "forbidden" } });
    expect(hub.logs.rolesOf(signer.publicKey).size).toBe(1);
  }
});

test("the link leads a browser to the page, and says what to run where there is no page for it", async () => {
  await using hub = await testHub();
  const headers = { "Sec-Fetch-Mode": "navigate" };
  expect(await (await hub.call("/claim", { headers })).text()).toContain("the page");
  const sent = await hub.call("/claim", { at: HUB, headers });
  expect([sent.status, sent.headers.get("location")]).toEqual([303, `${PAGE}/claim`]);
  for (const init of [{ at: "http://203.0.113.5:8080", headers }, { at: HUB }, {}]) {
    const told = await hub.call("/claim", init);
    expect([told.status, await told.text()]).toEqual([200, expect.stringContaining("muster device claim")]);
  }
});

test("wrong, spent and expired tokens get one answer", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const spent = await claiming(at, await newcomer(hub));
  const late = await claiming(at, await newcomer(hub));
  await send(at, { entry: spent.entry, theirs: spent.taken.entries });
  const wrong = { ...late.entry, log: toBase64Url(new Uint8Array(32)) };
  const texts = [];
  for (const entry of [late.entry, wrong]) {
    texts.push(await (await send(at, { entry, theirs: late.taken.entries })).text());
  }
  expect(texts[0]).toContain("token_invalid");
  expect(texts[1]).toBe(texts[0] ?? "");
});
