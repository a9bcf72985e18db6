// A hub run by an enemy, and a device of which another owner was let use something. The id that was granted to is the
// hash of the beginning of that owner's log: the hub can hide the log or keep news of it back, and puts nobody in.
import { beforeEach, expect, test } from "bun:test";
import { ObeyedLogs } from "../../src/agent/obeyed-logs.ts";
import { OwnerBook } from "../../src/agent/owner-book.ts";
import { CallDesk } from "../../src/agent/capabilities/call-desk.ts";
import { FakeHub, stateStore } from "../../src/agent/testing.ts";
import { signCapabilityRequest } from "../../src/identity/capability-request.ts";
import type { Signer } from "../../src/identity/crypto.ts";
import { appendEntry, beginLog, type OwnerLog } from "../../src/identity/owner-log.ts";
import {
  begun,
  crypto,
  forge,
  home,
  member,
  newKey,
  newSigner,
  NOW,
} from "../../src/identity/owner-log.fixture.ts";
import { rejection } from "../../src/identity/refusal.fixture.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { canonicalJson } from "../../src/protocol/canonical-json.ts";
import { SILENT_LOG } from "../../src/protocol/log.ts";
import type { OwnerLogEntry } from "../../src/protocol/owner-log.ts";
import { uuidV7 } from "../../src/protocol/uuid.ts";
import { LineStream } from "../../src/trunk/line-stream.ts";
import { FakeTime, pipe } from "../../src/trunk/testing.ts";
import type { TrunkStream } from "../../src/trunk/stream.ts";
import { realWorld } from "../../src/world/real.ts";

const gpu = newSigner();
const mate = newSigner();
const tablet = newSigner();
const evil = newSigner();
const about = { name: "mate", kind: "laptop", platform: "linux-x86_64", link_key: newKey() } as const;
const chat = { protocol: "llm.chat", version: "1.0.0" };

const own = await appendEntry(crypto, begun, { kind: "member", body: member(gpu), signer: home });
const mates = await appendEntry(crypto, await beginLog(crypto, mate, about), {
  kind: "member",
  body: member(tablet),
  signer: mate,
});
const evils = await appendEntry(crypto, await beginLog(crypto, evil, about), {
  kind: "member",
  body: member(mate),
  signer: evil,
});
const [ROOT, MATES, EVILS] = [own, mates, evils].map(({ id }) => toBase64Url(id)) as [string, string, string];
const grantTo = (owner: string) => ({
  public_key: owner,
  name: "Mate",
  holder: "owner" as const,
  scopes: ["models" as const],
  capabilities: null,
  devices: [toBase64Url(gpu.publicKey)],
  until: null,
});
const granted = await appendEntry(crypto, own, { kind: "key", body: grantTo(MATES), signer: home });

/** What the hub shows, whatever log it is asked for. */
let shown: Map<string, readonly OwnerLogEntry[]>;
beforeEach(() => {
  shown = new Map([
    [ROOT, granted.entries],
    [MATES, mates.entries],
  ]);
});

async function device() {
  const { db } = await stateStore(realWorld);
  const hub = new FakeHub();
  hub.connect();
  hub.override = (asked) => {
    if (asked.type !== "log_get") return undefined;
    const entries = (shown.get(asked.owner_root) ?? []).filter(({ number }) => number >= asked.from);
    return { type: "log_entries", id: "1", owner_root: asked.owner_root, entries };
  };
  const notices = { set() {}, clear() {} };
  const open = (ownerRoot: string): OwnerBook =>
    new OwnerBook({ db, crypto, hub, ownerRoot, notices, log: SILENT_LOG });
  const book = open(ROOT);
  const logs = new ObeyedLogs({ ownerRoot: ROOT, publicKey: gpu.publicKey, own: book, open });
  await rejection(logs.fetch());
  const time = new FakeTime();
  const desk = new CallDesk({
    clock: { now: () => NOW, monotonic: () => 0 },
    crypto,
    ownerRoot: ROOT,
    publicKey: gpu.publicKey,
    logs,
    capabilities: {
      find: () => ({
        offer: { ...chat, class: "compute" },
        audience: "members",
        call(_, answer) {
          answer.done(1);
          return { resume() {}, cancel() {} };
        },
      }),
    },
    rules: {},
    policy: "compute",
  });
  let count = 0;
  /** Whether the device answers this key, which asks by this log. */
  const serves = async (signer: Signer, log = MATES): Promise<boolean> => {
    count += 1;
    const requestId = uuidV7(NOW, new Uint8Array(10).fill(count));
    const wish = { log, requestId, capability: chat, payload: "{}" };
    const request = await signCapabilityRequest(wish, crypto, signer);
    const [near, far] = pipe(time);
    const heard: string[] = [];
    const lines = new LineStream({
      message: (value) => heard.push((value as { type: string }).type), // what the test looks at
      close() {},
    });
    near.events = lines.streamEvents as typeof near.events; // a pipe has no last words
    lines.attach(near);
    far.events = desk.open(far as unknown as TrunkStream) as typeof far.events; // a desk needs a byte stream alone
    lines.send({ ...request, caller: toBase64Url(signer.publicKey) });
    time.settle();
    return heard[0] === "capability_response";
  };
  return { logs, book, serves };
}

async function afterRemoval(): Promise<OwnerLog> {
  const body = { public_key: toBase64Url(tablet.publicKey) };
  return appendEntry(crypto, mates, { kind: "remove", body, signer: mate });
}

test("all of the owner who was meant are served, and nobody of the one who makes the hub", async () => {
  const { serves } = await device();
  expect(await serves(mate)).toBe(true);
  expect(await serves(tablet)).toBe(true);
  expect(await serves(evil)).toBe(false);
  expect(await serves(evil, EVILS)).toBe(false);
});

test("another log under the id that was granted to is refused, and its keys get nothing", async () => {
  shown.set(MATES, evils.entries);
  const { serves, logs } = await device();
  expect(logs.granted(MATES)).toBeUndefined();
  expect(await rejection(logs.fetch())).toStartWith("owner_log_invalid");
  for (const log of [MATES, EVILS, ROOT]) expect(await serves(evil, log)).toBe(false);
  expect(await serves(mate)).toBe(false);
});

test("a stranger's key that the hub claims to be in it is in no copy that a device takes", async () => {
  const forged = await forge(mates, { kind: "member", body: canonicalJson(member(evil)), signer: evil });
  const unsigned = { ...forged, by: toBase64Url(mate.publicKey) };
  for (const entry of [forged, unsigned]) {
    shown.set(MATES, [...mates.entries, entry]);
    const { serves, logs } = await device();
    await rejection(logs.followed(MATES)?.take([entry]) ?? Promise.resolve());
    expect(await serves(evil)).toBe(false);
    // What was good of it still is.
    expect(await serves(tablet)).toBe(true);
  }
});

test("a grant to an owner of the hub's own is in no log, whoever signs it but an admin", async () => {
  for (const signer of [evil, gpu, mate]) {
    const body = canonicalJson(grantTo(EVILS));
    shown.set(ROOT, [...granted.entries, await forge(granted, { kind: "key", body, signer })]);
    shown.set(EVILS, evils.entries);
    const { serves, logs } = await device();
    expect(logs.granted(EVILS)).toBeUndefined();
    expect(await serves(evil, EVILS)).toBe(false);
  }
});

test("an older log brings back nobody whose removal the device has seen", async () => {
  shown.set(MATES, (await afterRemoval()).entries);
  const { serves, logs } = await device();
  expect(await serves(tablet)).toBe(false);
  shown.set(MATES, mates.entries);
  await logs.fetch();
  await logs.followed(MATES)?.take(mates.entries);
  expect(await serves(tablet)).toBe(false);
  expect(await serves(mate)).toBe(true);
});

test("two histories of that log serve nobody of it, and change nothing for the device's own", async () => {
  const { serves, logs, book } = await device();
  const other = await appendEntry(crypto, await afterRemoval(), {
    kind: "member",
    body: member(newSigner()),
    signer: mate,
  });
  await logs.followed(MATES)?.take(other.entries);
  const fork = await appendEntry(crypto, mates, { kind: "member", body: member(newSigner()), signer: mate });
  expect(await rejection(logs.followed(MATES)?.take(fork.entries) ?? Promise.resolve())).toStartWith(
    "owner_log_forked",
  );
  expect(await serves(mate)).toBe(false);
  expect(book.problem()).toBeUndefined();
  expect(await serves(home, ROOT)).toBe(true);
});

test("a grant that is over stays so, also where the hub shows the log from before", async () => {
  const { serves, logs } = await device();
  const ended = await appendEntry(crypto, granted, {
    kind: "remove",
    body: { public_key: MATES },
    signer: home,
  });
  shown.set(ROOT, ended.entries);
  await logs.fetch();
  expect(await serves(mate)).toBe(false);
  shown.set(ROOT, granted.entries);
  await logs.fetch();
  expect(await serves(mate)).toBe(false);
});
