// A hub run by an enemy, and the owner log: it may withhold entries, and nothing else. What it invents, changes,
// forks or takes back is found and has a name.
import { afterEach, beforeAll, expect, test } from "bun:test";
import { extendLog, type OwnerLog } from "../../src/identity/owner-log.ts";
import { checkDevice, proveDevice } from "../../src/identity/session.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import type { OwnerLogEntry } from "../../src/protocol/owner-log.ts";
import {
  begin,
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
  removeEntry,
  TestHub,
  type Party,
} from "../../src/agent/sessions/fleet.fixture.ts";

afterEach(endDevices);

const ORDER = { kind: "exec", request: { script: "echo done", stdin: false } } as const;

let home: Party;
let laptop: Party;
let pi: Party;
let log: OwnerLog;

beforeAll(async () => {
  home = party("home", "desktop");
  laptop = party("laptop");
  pi = party("pi", "raspberry_pi");
  log = await grow(await begin(home), memberEntry(pi, home), controllerEntry(laptop, home));
});

test("a browser, a member or an owner that the hub invents is nobody", async () => {
  const hub = new TestHub();
  const there = await device(hub, pi, { log });
  const evil = party("evil");
  const ownLog = await grow(await begin(evil), memberEntry(pi, evil), controllerEntry(laptop, evil));
  for (const kind of ["browser", "laptop"] as const) {
    const invented = party("invented", kind);
    const entry = controllerEntry(invented, evil, kind === "browser" ? { until: Date.now() + 1000 } : {});
    // Signed by the hub's own key in the place of an owner's, and renumbered to fit.
    const forged = (await grow(ownLog, entry)).entries.at(-1) as OwnerLogEntry;
    const fitted = {
      ...forged,
      log: toBase64Url(log.id),
      number: log.length,
      previous: toBase64Url(log.head.hash),
    };
    expect(await codeOf(there.book.take([fitted]))).toBe("owner_log_invalid");
    const near = await controller(hub, invented, ownLog);
    expect(await codeOf(order(near, pi, ORDER).order.outcome)).toMatch(/forbidden|owner_log_invalid/);
  }
  // A whole log of its own is another owner's.
  expect(await codeOf(there.book.take(ownLog.entries))).toMatch(/owner_log_invalid/);
  expect(there.book.log?.length).toBe(log.length);
});

test("a log that is taken back changes nothing", async () => {
  const hub = new TestHub();
  const there = await device(hub, pi, { log });
  const grown = await grow(log, removeEntry(laptop, home));
  await there.show(grown);
  there.hubLog.entries = [...log.entries];
  await there.book.fetch();
  expect(there.book.log?.length).toBe(grown.length);
  const near = await controller(hub, laptop, log);
  expect(await codeOf(order(near, pi, ORDER).order.outcome)).toBe("forbidden");
});

test("a removal that the hub withholds reaches the device with the next caller", async () => {
  const hub = new TestHub();
  const there = await device(hub, pi, { log });
  const grown = await grow(log, removeEntry(laptop, home));
  const near = await controller(hub, home, grown);
  await order(near, pi, ORDER).order.outcome;
  expect(there.book.log?.wasRemoved(laptop.signer.publicKey)).toBe(true);
});

test("two entries of one number, shown to different sides, are found when these meet", async () => {
  const hub = new TestHub();
  const one = await grow(log, controllerEntry(party("one"), home));
  const other = await grow(log, controllerEntry(party("two"), home));
  const there = await device(hub, pi, { log: one });
  const near = await controller(hub, laptop, other);
  expect(await codeOf(order(near, pi, ORDER).order.outcome)).toBe("owner_log_forked");
  // From then on it takes no commands, even of the branch that it knew.
  const same = await controller(hub, laptop, one);
  expect(await codeOf(order(same, pi, ORDER).order.outcome)).toBe("owner_log_forked");
  expect(there.book.problem()?.code).toBe("owner_log_forked");
});

test("an entry changed on its way is refused", () => {
  const entry = log.entries[1] as OwnerLogEntry;
  const first = log.entries[0] as OwnerLogEntry;
  for (const changed of [
    { ...entry, body: entry.body.replace('"pi"', '"pj"') },
    { ...entry, kind: "controller" },
    { ...entry, by: toBase64Url(pi.signer.publicKey) },
  ]) {
    expect(() => extendLog(crypto, log, [first, changed])).toThrow("refused");
  }
});

test("a registration passed on to another hub is refused there", async () => {
  const real = crypto.ed25519Signer(crypto.randomBytes(32));
  const evil = crypto.ed25519Signer(crypto.randomBytes(32));
  const own = {
    protocols: [1],
    sessionKind: "register",
    session: 1,
    nonce: crypto.randomBytes(32),
    dialled: "https://evil.example:443",
    binding: crypto.randomBytes(32),
    hubKey: evil.publicKey,
  } as const;
  const hubNonce = crypto.randomBytes(32);
  // A device signs for no other key than the pinned one, ...
  const hello = { protocols: [1], hubKey: real.publicKey, nonce: hubNonce };
  expect(await codeOf(proveDevice(pi.signer, hello, own))).toBe("bad_signature");
  // ... and what it signed for the evil hub says so.
  const proof = await proveDevice(pi.signer, { ...hello, hubKey: evil.publicKey }, own);
  const side = {
    protocols: [1],
    hubKey: real.publicKey,
    nonce: hubNonce,
    isOwnAddress: (dialled: string) => dialled === "https://real.example:443",
    binding: own.binding,
    bindingRule: { type: "required" },
  } as const;
  const { handshake, signature } = proof;
  const claim = {
    protocol: 1,
    sessionKind: handshake.sessionKind,
    publicKey: handshake.deviceKey,
    nonce: handshake.deviceNonce,
    session: handshake.session,
    dialled: handshake.dialled,
    binding: handshake.binding,
    signature,
  };
  expect(() => checkDevice(crypto, side, claim)).toThrow();
});
