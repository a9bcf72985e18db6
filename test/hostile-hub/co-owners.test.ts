// A hub run by an enemy, and a device that two owners command: it may hide a share from the device, and hide its end
// for as long as nobody else brings it. It makes nobody a co-owner, and takes no end back.
import { afterEach, beforeAll, expect, test } from "bun:test";
import { appendEntry, extendLog, type NewEntry, type OwnerLog } from "../../src/identity/owner-log.ts";
import { beginBrowserLog, trustMachineByWords } from "../../src/identity/browser-log.ts";
import { recoverySigner } from "../../src/identity/recovery-words.ts";
import { makeShareClaim, makeShareOffer, offerOf, takeShared } from "../../src/identity/share-token.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import type { OwnerLogEntry } from "../../src/protocol/owner-log.ts";
import {
  begin,
  browserParty,
  codeOf,
  controller,
  controllerEntry,
  crypto,
  device,
  endDevices,
  grow,
  memberEntry,
  order,
  party,
  TestHub,
  until,
  type Party,
  type TestDevice,
} from "../../src/agent/sessions/fleet.fixture.ts";

afterEach(endDevices);

const ORDER = { kind: "exec", request: { script: "echo done", stdin: false } } as const;
const LONG = { kind: "exec", request: { script: "echo begun; sleep 30", stdin: false } } as const;
const HUB_KEY = crypto.randomBytes(32);

let home: Party;
let pi: Party;
let server: Party;
let mate: Party;
let matesLaptop: Party;
/** With an offer of the device at its end. */
let log: OwnerLog;
/** The same, claimed. */
let shared: OwnerLog;
/** Of the co-owner, with the device. */
let mates: OwnerLog;
let claimed: OwnerLogEntry;
let claimKey: ReturnType<typeof offerOf>["claimer"];

const keyOf = (who: Party): string => toBase64Url(who.signer.publicKey);
const idOf = (of: OwnerLog): string => toBase64Url(of.id);
const ending = (of: OwnerLog, by: Party): NewEntry => ({
  kind: "share",
  body: { step: "end", device: keyOf(pi), owner: idOf(of) },
  signer: by.signer,
});

beforeAll(async () => {
  home = party("home", "desktop");
  pi = party("pi", "raspberry_pi");
  server = party("server", "vps");
  mate = party("mate");
  matesLaptop = party("mates-laptop");
  const own = await grow(await begin(home), memberEntry(pi, home), memberEntry(server, home));
  const { signer } = home;
  const wish = { log: own, hubKey: HUB_KEY, device: pi.signer.publicKey, expiresAtMs: Date.now(), signer };
  const offered = await makeShareOffer(crypto, wish);
  log = offered.log;
  const token = { token: offered.token, log, hubKey: HUB_KEY };
  const found = offerOf(crypto, token);
  claimKey = found.claimer;
  const begun = await grow(await begin(mate), controllerEntry(matesLaptop, mate));
  ({ log: shared, entry: claimed } = await makeShareClaim(crypto, { ...token, owner: begun, name: "Mate" }));
  const taking = { log: begun, sharedBy: log, device: found.device, signer: mate.signer };
  mates = (await takeShared(crypto, taking)).log;
});

/** What the hub shows of each log, by its id. */
function showing(there: TestDevice, ...logs: OwnerLog[]): void {
  there.hubLog.override = (asked) => {
    if (asked.type !== "log_get") return undefined;
    const found = logs.find((one) => idOf(one) === asked.owner_root);
    const entries = [...(found?.entries ?? [])].slice(asked.from);
    return { type: "log_entries", id: "1", owner_root: asked.owner_root, entries };
  };
}

async function fleet(known: OwnerLog = shared) {
  const hub = new TestHub();
  const there = await device(hub, pi, { log: known });
  showing(there, known, mates);
  await there.logs.fetch();
  return { hub, there, near: await controller(hub, mate, mates), owner: await controller(hub, home, known) };
}

test("both owners command the device, each by their own log", async () => {
  const { near, owner, hub } = await fleet();
  const his = order(near, pi, ORDER);
  await his.order.outcome;
  expect(his.output).toBe("done\n");
  await order(owner, pi, ORDER).order.outcome;
  // A second controller of the co-owner too: it acts under its own key.
  const laptop = await controller(hub, matesLaptop, mates);
  await order(laptop, pi, ORDER).order.outcome;
});

test("a co-owner's log that the hub holds back is brought by the co-owner", async () => {
  const { near, there } = await fleet(log);
  showing(there, shared);
  await there.logs.fetch().catch(() => {});
  const told = order(near, pi, ORDER);
  await told.order.outcome;
  expect(told.output).toBe("done\n");
});

test("a share that the hub invents, or claims with its own log, makes nobody a co-owner", async () => {
  const { there, near } = await fleet(log);
  expect(await codeOf(order(near, pi, ORDER).order.outcome)).toBe("forbidden");
  const evil = party("evil");
  const evils = await grow(await begin(evil), memberEntry(pi, evil));
  const forged = await Promise.all(
    [evil.signer, mate.signer, pi.signer].map((signer) =>
      appendEntry(crypto, evils, {
        kind: "share",
        body: { step: "offer", device: keyOf(pi), claim_key: keyOf(server), expires_at: 1 },
        signer: evil.signer,
      }).then((of) => ({ ...(of.entries.at(-1) as OwnerLogEntry), by: toBase64Url(signer.publicKey) })),
    ),
  );
  for (const entry of forged) {
    const place = { log: idOf(log), number: log.length, previous: toBase64Url(log.head.hash) };
    expect(await codeOf(there.book.take([{ ...entry, ...place }]))).toBe("owner_log_invalid");
  }
  // The true claim with another log in it is not the claim key's word.
  const changed = { ...claimed, body: claimed.body.replace(idOf(mates), idOf(evils)) };
  expect(changed.body).not.toBe(claimed.body);
  expect(await codeOf(there.book.take([changed]))).toBe("owner_log_invalid");
  expect(there.book.log?.coOwners()).toEqual([]);
  await there.logs.look();
  expect(there.logs.of(idOf(evils))).toBeUndefined();
});

test("what a hub lets a browser claim that is for machines, the device gives neither that browser nor a machine of its log", async () => {
  const page = await browserParty("firefox");
  const laptop = party("laptop");
  const linkKey = page.link.linkKey.publicKey;
  const { log: begun, words } = await beginBrowserLog(crypto, {
    signer: page.signer,
    linkKey,
    name: "firefox",
    nowMs: Date.now(),
  });
  const phrase = words.reveal().join(" ");
  const commanded = async (offer: { browser: boolean }): Promise<Record<"page" | "laptop", string>> => {
    const { signer } = home;
    const own = await grow(await begin(home), memberEntry(pi, home));
    const offered = await makeShareOffer(crypto, {
      log: own,
      hubKey: HUB_KEY,
      device: pi.signer.publicKey,
      expiresAtMs: Date.now(),
      signer,
      ...offer,
    });
    const found = offerOf(crypto, { token: offered.token, log: offered.log, hubKey: HUB_KEY });
    // By hand: neither hub nor page of theirs keeps a rule.
    const theirs = idOf(begun);
    const known = await grow(offered.log, {
      kind: "share",
      body: { step: "claim", offer: found.offer.number, owner: theirs, name: "Mate" },
      signer: found.claimer,
    });
    const taking = { log: begun, sharedBy: known, device: found.device, signer: page.signer };
    const { log: taken } = await takeShared(crypto, taking);
    const joined = await grow(
      taken,
      memberEntry(laptop, { ...page, signer: recoverySigner(crypto, phrase) }),
    );
    const { publicKey } = laptop.signer;
    const trusted = await trustMachineByWords(crypto, joined, {
      publicKey,
      words: phrase,
      nowMs: Date.now(),
    });
    const kept = extendLog(crypto, joined, [trusted]);
    const hub = new TestHub();
    const there = await device(hub, pi, { log: known });
    showing(there, known, kept);
    await there.logs.fetch();
    expect(there.book.log?.coOwners()).toMatchObject([{ owner: theirs }]);
    const ordered = async (who: Party): Promise<string> =>
      codeOf(order(await controller(hub, who, kept), pi, ORDER).order.outcome.then(() => null));
    return { page: await ordered(page), laptop: await ordered(laptop) };
  };
  expect(await commanded({ browser: false })).toEqual({ page: "forbidden", laptop: "forbidden" });
  expect(await commanded({ browser: true })).toEqual({ page: "resolved: null", laptop: "resolved: null" });
});

test("another log in the place of the co-owner's is refused", async () => {
  const { there, hub } = await fleet();
  const evil = party("evil");
  const evils = await grow(await begin(evil), controllerEntry(mate, evil));
  const freshHub = new TestHub();
  const fresh = await device(freshHub, pi, { log: shared });
  fresh.hubLog.override = (asked) =>
    asked.type === "log_get"
      ? { type: "log_entries", id: "1", owner_root: asked.owner_root, entries: [...evils.entries] }
      : undefined;
  expect(await codeOf(fresh.logs.fetch())).toBe("owner_log_invalid");
  const intruder = await controller(freshHub, evil, evils);
  expect(await codeOf(order(intruder, pi, ORDER).order.outcome)).toBe("forbidden");
  expect(await codeOf(there.logs.take(evils.entries))).toBe("forbidden");
  expect(await codeOf(order(await controller(hub, evil, evils), pi, ORDER).order.outcome)).toBe("forbidden");
});

test("a claim that is shown again, by whomever, counts once", async () => {
  const { there, near } = await fleet();
  const ended = await grow(shared, ending(mates, home));
  showing(there, ended, mates);
  await there.logs.fetch();
  const again = { ...claimed, number: ended.length, previous: toBase64Url(ended.head.hash) };
  expect(await codeOf(there.book.take([again]))).toBe("owner_log_invalid");
  const body = { step: "claim", offer: log.length - 1, owner: idOf(mates), name: "Mate" } as const;
  expect(await codeOf(grow(ended, { kind: "share", body, signer: claimKey }))).toBe("owner_log_invalid");
  expect(await codeOf(order(near, pi, ORDER).order.outcome)).toBe("forbidden");
});

test("an end cuts what runs at once, and the hub takes it back no more", async () => {
  const { there, near, owner } = await fleet();
  const told = order(near, pi, LONG);
  await until(() => told.output.includes("begun"));
  const began = performance.now();
  const ended = await grow(shared, ending(mates, home));
  await there.book.take(ended.entries);
  expect(await codeOf(told.order.outcome)).toBe("forbidden");
  expect(performance.now() - began).toBeLessThan(1000);
  showing(there, shared, mates);
  await there.logs.fetch();
  expect(there.book.log?.length).toBe(ended.length);
  expect(await codeOf(order(near, pi, ORDER).order.outcome)).toBe("forbidden");
  await order(owner, pi, ORDER).order.outcome;
});

test("an end that the hub holds back comes with the owner's next session", async () => {
  const { near, hub } = await fleet();
  await order(near, pi, ORDER).order.outcome;
  const ended = await grow(shared, ending(mates, home));
  await order(await controller(hub, home, ended), pi, ORDER).order.outcome;
  expect(await codeOf(order(near, pi, ORDER).order.outcome)).toBe("forbidden");
});

test("a co-owner who lets the device go commands it no more, from no device", async () => {
  const { there, hub } = await fleet();
  const running = order(await controller(hub, matesLaptop, mates), pi, LONG);
  await until(() => running.output.includes("begun"));
  const left = await grow(mates, ending(shared, mate));
  await there.logs.of(idOf(mates))?.take(left.entries);
  expect(await codeOf(running.order.outcome)).toBe("forbidden");
  const behind = await controller(hub, matesLaptop, mates);
  expect(await codeOf(order(behind, pi, ORDER).order.outcome)).toBe("forbidden");
});

test("whom a co-owner lets go, or gives no right, the device refuses", async () => {
  const { hub, there } = await fleet();
  const guest = party("guest");
  const withGuest = await grow(mates, memberEntry(guest, mate));
  await there.logs.of(idOf(mates))?.take(withGuest.entries);
  const member = await controller(hub, guest, withGuest);
  expect(await codeOf(order(member, pi, ORDER).order.outcome)).toBe("forbidden");
  const without = await grow(withGuest, {
    kind: "remove",
    body: { public_key: keyOf(matesLaptop) },
    signer: mate.signer,
  });
  await there.logs.of(idOf(mates))?.take(without.entries);
  const gone = await controller(hub, matesLaptop, withGuest);
  expect(await codeOf(order(gone, pi, ORDER).order.outcome)).toBe("forbidden");
});

test("a co-owner commands no other device of that owner, and the owner none of the co-owner's", async () => {
  const { hub } = await fleet();
  await device(hub, server, { log: shared });
  const near = await controller(hub, mate, mates);
  expect(await codeOf(order(near, server, ORDER).order.outcome)).toBe("forbidden");
  await device(hub, matesLaptop, { log: mates });
  const owner = await controller(hub, home, shared);
  expect(await codeOf(order(owner, matesLaptop, ORDER).order.outcome)).toBe("forbidden");
});

test("a fork of the co-owner's log stops the co-owner alone, one of the owner's stops both", async () => {
  const { there, near, owner } = await fleet();
  const one = await grow(mates, memberEntry(party("one"), mate));
  const two = await grow(mates, memberEntry(party("two"), mate));
  const his = there.logs.of(idOf(mates));
  await his?.take(one.entries);
  expect(await codeOf(his?.take(two.entries) ?? Promise.resolve())).toBe("owner_log_forked");
  expect(await codeOf(order(near, pi, ORDER).order.outcome)).toBe("owner_log_forked");
  await order(owner, pi, ORDER).order.outcome;

  const { there: other, near: again } = await fleet();
  await other.book.take((await grow(shared, memberEntry(party("one"), home))).entries);
  const forked = await grow(shared, memberEntry(party("two"), home));
  expect(await codeOf(other.book.take(forked.entries))).toBe("owner_log_forked");
  expect(await codeOf(order(again, pi, ORDER).order.outcome)).toBe("owner_log_forked");
});

test("a co-owner's log gives nobody of the owner's another key, and takes none of them out", async () => {
  const { there, owner } = await fleet();
  const sly = await grow(mates, controllerEntry({ ...home, link: party("other").link }, mate), {
    kind: "remove",
    body: { public_key: keyOf(home) },
    signer: mate.signer,
  });
  await there.logs.of(idOf(mates))?.take(sly.entries);
  await order(owner, pi, ORDER).order.outcome;
});
