// A teammate with nothing but a browser, and whoever would rather be that teammate.
import { describe, expect, test } from "bun:test";
import { beginBrowserLog, trustMachineByWords } from "../../identity/browser-log.ts";
import { isShared } from "../../identity/owner-log-shares.ts";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry, beginLog, type NewEntry, type OwnerLog } from "../../identity/owner-log.ts";
import { recoverySigner } from "../../identity/recovery-words.ts";
import { takeShared } from "../../identity/share-token.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { ClaimOffer, ClaimResponse } from "../../protocol/claim-api.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import { cookieOf, HUB, PAGE, testHub, type CallInit, type TestHub } from "./hub.fixture.ts";
import {
  browser,
  claiming,
  comeIn,
  HOUR_MS,
  offered,
  PASSWORD,
  scene,
  send,
  type Browser,
  type Scene,
} from "./page-claim.fixture.ts";

const look = async ({ hub, claimKey }: Scene, cookie?: string): Promise<ClaimOffer> =>
  (await (
    await hub.call("/api/claim/offer", {
      body: { claim_key: claimKey },
      origin: PAGE,
      ...(cookie === undefined ? {} : { cookie }),
    })
  ).json()) as ClaimOffer;
const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;
const sessionOf = async (hub: TestHub, cookie: string): Promise<unknown> =>
  ((await (await hub.call("/api/session", { cookie })).json()) as { user: unknown }).user;
const accounts = async (hub: TestHub): Promise<number> =>
  (
    await hub.store.db
      .selectFrom("account_users" as never)
      .selectAll()
      .execute()
  ).length;

test("the link tells what it offers, by whom, and spends nothing by being looked at", async () => {
  await using hub = await testHub();
  await hub.home.person("ada");
  const at = await scene(hub);
  for (const headers of [{ "Sec-Fetch-Mode": "navigate" }, { "User-Agent": "Linkbot/1.0" }]) {
    expect((await hub.call("/claim", { headers })).status).toBe(200);
  }
  expect(await look(at)).toEqual({
    state: "open",
    device: expect.objectContaining({ name: "server", kind: "laptop" }) as never,
    by: "ada",
    browsers: true,
    expires_at: new Date(hub.clock.now() + HOUR_MS).toISOString(),
    relation: "none",
  });
  expect(await look(at)).toMatchObject({ state: "open" });
});

test("a newcomer gets account, session, owner log and the device by one call, and nothing else of that owner", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  await hub.home.device("laptop");
  const mate = await browser(at);
  const answer = await send(hub, {
    ...(await claiming(at, mate)),
    newcomer: { name: "anna", password: PASSWORD },
  });
  expect(((await answer.json()) as ClaimResponse).device.name).toBe("server");
  const cookie = cookieOf(answer.headers.getSetCookie());
  expect(await sessionOf(hub, cookie)).toMatchObject({ name: "anna", has_password: true });
  const root = toBase64Url(mate.log.id);
  const theirs = hub.logs.get(root);
  expect(theirs !== undefined && isShared(hub.home.log(), theirs, at.key)).toBe(true);
  expect(theirs?.mayCommand(mate.signer.publicKey, hub.clock.now())).toBe(true);
  await hub.devices.load();
  expect(hub.devices.commandedBy([root]).map(({ name, kind }) => [name, kind])).toEqual([
    ["firefox-on-linux", "browser"],
    ["server", "laptop"],
  ]);
  expect(await look(at, cookie)).toEqual({ state: "spent", mine: true });
  const signIn = { name: "anna", password: PASSWORD };
  expect((await hub.call("/api/sign-in", { body: signIn, origin: PAGE })).status).toBe(200);
});

test("who lost the answer is let in again by the browser's own word, and by nothing that stands in a log", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const mate = await browser(at);
  const sent = { ...(await claiming(at, mate)), newcomer: { name: "anna" } };
  expect((await send(hub, sent)).status).toBe(200);
  const again = await send(hub, sent);
  expect([again.status, await sessionOf(hub, cookieOf(again.headers.getSetCookie()))]).toMatchObject([
    200,
    { name: "anna" },
  ]);
  expect(await accounts(hub)).toBe(1);
  const other = await browser(at);
  const strange = toBase64Url(await other.signer.sign(new Uint8Array(32)));
  for (const proof of [undefined, "", strange]) {
    const refused = await send(hub, { ...sent, proof });
    expect([refused.status, refused.headers.getSetCookie()]).toEqual([403, []]);
  }
});

test("of twenty at once one becomes the co-owner, and the others leave no account", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const sent = [];
  for (let count = 0; count < 20; count++) {
    const claim = await claiming(at, await browser(at));
    sent.push({ ...claim, newcomer: { name: `anna-${count}`, password: PASSWORD } });
  }
  const answers = await Promise.all(
    sent.map((body, from) => send(hub, body, { visitor: `198.51.100.${from}` })),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect([await accounts(hub), hub.home.log().coOwners().length]).toEqual([1, 1]);
});

test("a taken or improper name spends nothing: another one works", async () => {
  await using hub = await testHub();
  await hub.home.person("ada");
  const at = await scene(hub);
  const claim = await claiming(at, await browser(at));
  for (const [newcomer, code] of [
    [{ name: "ada" }, "name_taken"],
    [{ name: "No Name" }, "invalid"],
    [{ name: "anna", password: "short" }, "invalid"],
  ] as const) {
    expect(await codeOf(await send(hub, { ...claim, newcomer }))).toBe(code);
  }
  expect(await look(at)).toMatchObject({ state: "open" });
  expect((await send(hub, { ...claim, newcomer: { name: "anna" } })).status).toBe(200);
});

test("without a good token nobody learns which names are taken", async () => {
  await using hub = await testHub();
  await hub.home.person("ada");
  const at = await scene(hub);
  const claim = await claiming(at, await browser(at));
  hub.clock.advance(HOUR_MS + 1);
  const answers = [];
  for (const name of ["ada", "nobody"]) {
    answers.push(await (await send(hub, { ...claim, newcomer: { name } })).text());
  }
  expect(answers[0]).toContain("token_invalid");
  expect(answers[1]).toBe(answers[0] ?? "");
  expect(await look(at)).toEqual({ state: "over" });
});

test("who is signed in takes a second device into the log that is there", async () => {
  await using hub = await testHub();
  const { mate, cookie, root } = await comeIn(await scene(hub));
  const { cookie: others } = await comeIn(await scene(hub, "third"), "bert");
  const second = await scene(hub, "nas");
  expect(await look(second, cookie)).toMatchObject({ state: "open", relation: "none" });
  const log = hub.logs.get(root) ?? mate.log;
  const body = await claiming(second, { ...mate, log }, log.length);
  expect(await codeOf(await send(hub, body))).toBe("unauthorized");
  expect(await codeOf(await send(hub, body, { cookie: others }))).toBe("forbidden");
  const answer = await send(hub, body, { cookie });
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []]);
  expect(await look(await offered(hub, second.key), cookie)).toMatchObject({ relation: "shared" });
});

test("who is signed in and has lost key and words begins anew under the same account", async () => {
  await using hub = await testHub();
  const { cookie } = await comeIn(await scene(hub));
  const second = await scene(hub, "nas");
  const anew = await browser(second);
  const body = { ...(await claiming(second, anew)), newcomer: { name: "ignored" } };
  expect((await send(hub, body, { cookie })).status).toBe(200);
  const rows = await hub.store.db
    .selectFrom("owners")
    .select("owner_root")
    .where("user_id", "is not", null)
    .execute();
  expect([rows.length, await accounts(hub)]).toEqual([2, 1]);
});

test("who let the device go takes it again by the claim that stands, until its owner ends that", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const { mate, cookie, root } = await comeIn(at);
  const end = async (of: OwnerLog, owner: string, signer: Signer): Promise<void> => {
    const body = { step: "end", device: toBase64Url(at.key), owner } as const;
    const longer = await appendEntry(hub.crypto, of, { kind: "share", body, signer });
    await hub.logs.append(longer.entries.at(-1) as OwnerLogEntry);
  };
  const theirs = (): OwnerLog => hub.logs.get(root) ?? mate.log;
  await end(theirs(), hub.home.root, mate.signer);
  expect(await look(at)).toEqual({ state: "spent", mine: false });
  expect(await look(at, cookie)).toMatchObject({ state: "open", expires_at: null, relation: "none" });
  const standing = hub.home.log().entries.at(-1);
  const device = hub.home.log().participant(at.key);
  if (standing === undefined || device === undefined) throw new Error("the claim stands there");
  const wish = { log: theirs(), sharedBy: hub.home.log(), device, signer: mate.signer };
  const { entry } = await takeShared(hub.crypto, wish);
  expect((await send(hub, { entry: standing, theirs: [entry] }, { cookie })).status).toBe(200);
  expect(await look(at, cookie)).toEqual({ state: "spent", mine: true });
  await end(hub.home.log(), root, hub.home.signer);
  expect(await look(at, cookie)).toEqual({ state: "withdrawn" });
});

describe("a link that was made without a word of browsers", () => {
  const refused = async (answer: Response): Promise<void> => {
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([422, []]);
    const { error } = (await answer.json()) as { error: { code: string; hint: string } };
    expect(error).toMatchObject({ code: "invalid", hint: expect.stringContaining("--browser") as never });
  };
  const forMachines = async (hub: TestHub, name?: string): Promise<Scene> =>
    offered(hub, (await scene(hub, name)).key, "machines");

  test("says so, takes no newcomer, and is good for a machine's owner afterwards", async () => {
    await using hub = await testHub();
    const at = await forMachines(hub);
    expect(await look(at)).toMatchObject({ state: "open", browsers: false });
    const mate = await browser(at);
    const claim = await claiming(at, mate);
    await refused(await send(hub, { ...claim, newcomer: { name: "anna", password: PASSWORD } }));
    const bare = { entry: claim.entry, theirs: claim.theirs };
    await refused(await hub.call("/api/device/claim", { at: HUB, body: bare }));
    expect([await hub.accounts.hasUsers(), hub.logs.get(toBase64Url(mate.log.id))]).toEqual([
      false,
      undefined,
    ]);
    expect([await look(at), hub.home.log().coOwners()]).toMatchObject([{ state: "open" }, []]);
    const { signer, log } = hub.other;
    const { entry, theirs } = await claiming(at, { signer, log: log() }, log().length);
    const taken = await hub.call("/api/device/claim", { at: HUB, body: { entry, theirs } });
    expect([taken.status, isShared(hub.home.log(), log(), at.key)]).toEqual([200, true]);
  });

  test("is not for who came by a browser before, nor for a machine of theirs", async () => {
    await using hub = await testHub();
    const { mate, cookie, root } = await comeIn(await scene(hub));
    const at = await forMachines(hub, "nas");
    expect(await look(at, cookie)).toMatchObject({ state: "open", browsers: false, relation: "none" });
    const theirs = (): OwnerLog => hub.logs.get(root) ?? mate.log;
    const own = await claiming(at, { ...mate, log: theirs() }, theirs().length);
    await refused(await send(hub, own, { cookie }));
    // Begun anew, by the same person.
    await refused(await send(hub, await claiming(at, await browser(at)), { cookie }));
    const laptop = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));
    const machine: NewEntry = {
      kind: "member",
      body: {
        name: "laptop",
        kind: "laptop",
        platform: "linux-x86_64",
        link_key: toBase64Url(hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32))),
        public_key: toBase64Url(laptop.publicKey),
        ssh_host_keys: [],
        claim: null,
      },
      signer: recoverySigner(hub.crypto, mate.words),
    };
    const joined = await appendEntry(hub.crypto, theirs(), machine);
    await hub.logs.append(joined.entries.at(-1) as OwnerLogEntry);
    const keeping = { publicKey: laptop.publicKey, words: mate.words, nowMs: hub.clock.now() };
    await hub.logs.append(await trustMachineByWords(hub.crypto, theirs(), keeping));
    const claim = await claiming(at, { signer: laptop, log: theirs() }, theirs().length);
    const body = { entry: claim.entry, theirs: claim.theirs };
    await refused(await hub.call("/api/device/claim", { at: HUB, body }));
    expect(hub.home.log().coOwners()).toMatchObject([{ owner: root }]);
  });

  test("shares nothing by a claim that got into the log all the same", async () => {
    await using hub = await testHub();
    const { mate, root } = await comeIn(await scene(hub));
    const at = await forMachines(hub, "nas");
    const log = hub.logs.get(root) ?? mate.log;
    const { entry, theirs } = await claiming(at, { ...mate, log }, log.length);
    for (const one of [entry, ...theirs]) await hub.logs.append(one);
    expect(hub.home.log().coOwners()).toHaveLength(2);
    await hub.devices.load();
    expect(hub.devices.commandedBy([root]).map(({ name }) => name)).toEqual(["firefox-on-linux", "server"]);
  });
});

test("the device's own owner is told so", async () => {
  await using hub = await testHub();
  const { cookie } = await hub.home.person("ada");
  expect(await look(await scene(hub), cookie)).toMatchObject({ state: "open", relation: "own" });
});

test("an offer whose device is gone, or whose owner took the log back, is withdrawn", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const longer = await appendEntry(hub.crypto, hub.home.log(), {
    kind: "remove",
    body: { public_key: toBase64Url(at.key) },
    signer: hub.home.signer,
  });
  await hub.logs.append(longer.entries.at(-1) as OwnerLogEntry);
  expect(await look(at)).toEqual({ state: "withdrawn" });
});

describe("nobody comes in, and nothing is left behind,", () => {
  const cases: [string, number, (at: Scene) => Promise<[unknown, CallInit]>][] = [
    [
      "from another page",
      403,
      async (at) => [await claiming(at, await browser(at)), { origin: "https://elsewhere.example" }],
    ],
    [
      "from another site of the same name",
      403,
      async (at) => [await claiming(at, await browser(at)), { headers: { "sec-fetch-site": "same-site" } }],
    ],
    [
      "at an address of the hub that has no page",
      404,
      async (at) => [await claiming(at, await browser(at)), { at: HUB, origin: HUB }],
    ],
    [
      "by the claim of a hub that this is not",
      403,
      async (at) => {
        const body = await claiming(at, await browser(at));
        return [{ ...body, entry: { ...body.entry, log: toBase64Url(at.hub.crypto.randomBytes(32)) } }, {}];
      },
    ],
    [
      "by a machine's log",
      422,
      async (at) => {
        const signer = at.hub.crypto.ed25519Signer(at.hub.crypto.randomBytes(32));
        const link_key = toBase64Url(at.hub.crypto.x25519PublicKey(at.hub.crypto.randomBytes(32)));
        const about = { name: "mate", kind: "laptop", platform: "linux-x86_64", link_key } as const;
        return [await claiming(at, { signer, log: await beginLog(at.hub.crypto, signer, about) }), {}];
      },
    ],
    [
      "by a key that is another owner's",
      403,
      async (at) => [await claiming(at, { ...(await browser(at)), ...(await ofOther(at.hub)) }), {}],
    ],
  ];
  for (const [name, status, make] of cases) {
    test(name, async () => {
      await using hub = await testHub();
      const at = await scene(hub);
      const [body, init] = await make(at);
      const before = hub.logs.roots().length;
      const answer = await send(hub, { ...(body as object), newcomer: { name: "anna" } }, init);
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([status, []]);
      expect([hub.home.log().coOwners(), hub.logs.roots().length]).toEqual([[], before]);
      expect(await look(at)).toMatchObject({ state: "open" });
      expect(await hub.accounts.hasUsers()).toBe(false);
    });
  }
});

async function ofOther(hub: TestHub): Promise<Browser> {
  const { signer } = hub.other;
  const linkKey = hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32));
  const given = { signer, linkKey, name: "Firefox", nowMs: hub.clock.now() };
  return { signer, log: (await beginBrowserLog(hub.crypto, given)).log };
}

test("a browser's log begins at the page alone, where its person has an account", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const { entry, theirs } = await claiming(at, await browser(at));
  const answer = await hub.call("/api/device/claim", { at: HUB, body: { entry, theirs } });
  expect([answer.status, hub.logs.roots()]).toEqual([422, [hub.home.root, hub.other.root]]);
});

test("claims and looks are counted by their source", async () => {
  await using hub = await testHub();
  const at = await scene(hub);
  const claim = await claiming(at, await browser(at));
  const statuses = [];
  for (let count = 0; count < 11; count++) {
    statuses.push((await send(hub, { ...claim, proof: "", newcomer: { name: "anna" } })).status);
  }
  expect(statuses).toEqual([...Array.from({ length: 10 }, () => 403), 429]);
  const looks = [];
  for (let count = 0; count < 61; count++) {
    looks.push(await hub.call("/api/claim/offer", { body: { claim_key: "none" }, origin: PAGE }));
  }
  expect([looks[59]?.status, looks[60]?.status]).toEqual([403, 429]);
});
