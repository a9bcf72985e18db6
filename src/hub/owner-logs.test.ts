import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { seededCrypto } from "../identity/crypto.fixture.ts";
import type { Signer } from "../identity/crypto.ts";
import { appendEntry, beginLog, recoverLog, type NewEntry, type OwnerLog } from "../identity/owner-log.ts";
import { Secret } from "../identity/secret.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import { appendLogEntry } from "../store/owner-log-rows.ts";
import { hubStore } from "../store/testing.ts";
import { logRow, OwnerLogs } from "./owner-logs.ts";
import { VouchedLogs } from "./vouched-logs.ts";

const crypto = seededCrypto("owner-logs");
const NOW = 1_800_000_000_000;
const newSigner = (): Signer => crypto.ed25519Signer(crypto.randomBytes(32));
const text = (of: Signer): string => toBase64Url(of.publicKey);
const about = { kind: "laptop", platform: "linux" } as const;

interface Owner {
  signer: Signer;
  words: Signer;
  log: OwnerLog;
}

async function newOwner(name: string): Promise<Owner> {
  const [signer, words] = [newSigner(), newSigner()];
  const log = await beginLog(crypto, signer, { ...about, name, link_key: text(newSigner()) });
  const recovery: NewEntry = { kind: "recovery", body: { public_key: text(words) }, signer };
  return { signer, words, log: await appendEntry(crypto, log, recovery) };
}

const OWNERS = 2;
/** Keys that owners let use things and take into their logs, in any order. */
const pool = Array.from({ length: 4 }, newSigner);

const key = fc.nat(pool.length - 1);
const step = fc.oneof(
  fc.record({
    do: fc.constant("grant" as const),
    key,
    holder: fc.constantFrom("program" as const, "device" as const, "owner" as const),
    until: fc.constantFrom(null, NOW),
  }),
  fc.record({ do: fc.constantFrom("remove" as const, "member" as const), key }),
  fc.record({ do: fc.constant("restart" as const) }),
  fc.record({ do: fc.constant("recover" as const), back: fc.integer({ min: 0, max: 4 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;
/** By this hub's own transaction, or by one that tells it afterwards. */
const steps = fc.array(fc.record({ owner: fc.nat(OWNERS - 1), step, isTold: fc.boolean() }), {
  minLength: 10,
  maxLength: 30,
});
type Writes = typeof steps extends fc.Arbitrary<infer All> ? All : never;

/** What the owner writes; undefined for what has no entry of its own. */
function entryFor({ signer }: Owner, wanted: Step): NewEntry | undefined {
  const public_key = text(("key" in wanted ? pool[wanted.key] : undefined) ?? signer);
  switch (wanted.do) {
    case "grant": {
      const { holder, until } = wanted;
      const body = { public_key, name: "box", holder, capabilities: null, devices: null, until };
      return { kind: "key", body: { ...body, scopes: ["models"] }, signer };
    }
    case "member": {
      const body = {
        ...about,
        public_key,
        link_key: public_key,
        name: "box",
        ssh_host_keys: [],
        claim: null,
      };
      return { kind: "member", body, signer };
    }
    case "remove":
      return { kind: "remove", body: { public_key }, signer };
    case "recover":
    case "restart":
      return undefined;
  }
}

/** The log as it would be, and who writes it from then on. */
async function written(owner: Owner, wanted: Step): Promise<Owner | undefined> {
  const { log, words } = owner;
  const entry = entryFor(owner, wanted);
  if (entry !== undefined) return { ...owner, log: await appendEntry(crypto, log, entry) };
  if (wanted.do !== "recover") return undefined;
  const next = { signer: newSigner(), words: newSigner() };
  const number = Math.max(1, log.length - wanted.back);
  const keys = { public_key: text(next.signer), link_key: text(newSigner()), recovery: text(next.words) };
  const body = { ...about, ...keys, name: "back" };
  return { ...next, log: await recoverLog(crypto, log, { kind: "recover", number, body, signer: words }) };
}

/** What the indexes say of a key is what every log says of it. */
function expectSameAsWalk(logs: OwnerLogs): void {
  const all = logs.roots().map((root) => [root, logs.get(root)] as const);
  for (const { publicKey } of pool) {
    const named = toBase64Url(publicKey);
    const granting = all.filter(([, log]) =>
      log?.grants().some((grant) => toBase64Url(grant.publicKey) === named),
    );
    expect(logs.granting(named).toSorted()).toEqual(granting.map(([root]) => root).toSorted());
    const roles = all.flatMap(([root, log]) => {
      const role = log?.rightOf(publicKey, NOW);
      return role === undefined ? [] : [[root, role] as const];
    });
    expect(logs.rolesOf(publicKey)).toEqual(new Map(roles));
  }
}

test("where a key is named is known as if every log were read, after whatever was written", async () => {
  const run = async (list: Writes): Promise<void> => {
    const { db, close } = await hubStore({ path: ":memory:" });
    const open = async (): Promise<OwnerLogs> => {
      const opened = new OwnerLogs({ db, crypto, hubKey: new Uint8Array(32), now: () => NOW });
      await opened.load(new VouchedLogs({ db, crypto, secret: new Secret(new Uint8Array(32)) }));
      return opened;
    };
    let logs = await open();
    const owners = await Promise.all(Array.from({ length: OWNERS }, (_, at) => newOwner(`owner-${at}`)));
    for (const [begin, words] of owners.map(({ log }) => log.entries)) {
      await logs.begin(begin as OwnerLogEntry); // both are there: a new owner's log has two entries
      await logs.append(words as OwnerLogEntry);
    }
    for (const { owner: at, step: wanted, isTold } of list) {
      const owner = owners[at];
      if (owner === undefined) continue;
      if (wanted.do === "restart") logs = await open();
      try {
        const after = await written(owner, wanted);
        const entry = after?.log.entries.at(-1);
        if (after === undefined || entry === undefined) continue;
        if (isTold && wanted.do !== "recover") {
          logs.demandOwnKey(entry);
          await appendLogEntry(db, logRow(toBase64Url(after.log.id), after.log, entry));
          logs.appended(entry);
        } else await logs.append(entry);
        owners[at] = after;
      } catch (error) {
        // Not everything may be written at any time; what may not changes nothing.
        if (!(error instanceof MusterError)) throw error;
      } finally {
        expectSameAsWalk(logs);
      }
    }
    await close();
  };
  await fc.assert(fc.asyncProperty(steps, run), { seed: 7, numRuns: 40 });
});

test("of two owners who take one key at the same time the first has it", async () => {
  const { db, close } = await hubStore({ path: ":memory:" });
  const logs = new OwnerLogs({ db, crypto, hubKey: new Uint8Array(32), now: () => NOW });
  const owners = [await newOwner("anna"), await newOwner("ben")];
  for (const { log } of owners) {
    for (const [number, entry] of log.entries.entries()) {
      await (number === 0 ? logs.begin(entry) : logs.append(entry));
    }
  }
  const taking = await Promise.all(owners.map((owner) => written(owner, { do: "member", key: 0 })));
  const results = await Promise.allSettled(
    taking.map((owner) => logs.append(owner?.log.entries.at(-1) as OwnerLogEntry)), // it was just written
  );
  expect(results).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: { code: "forbidden" } },
  ]);
  await close();
});

test("an entry that is sent twice at the same time is told once", async () => {
  const { db, close } = await hubStore({ path: ":memory:" });
  const logs = new OwnerLogs({ db, crypto, hubKey: new Uint8Array(32), now: () => NOW });
  const [begin, words] = (await newOwner("anna")).log.entries;
  await logs.begin(begin as OwnerLogEntry); // a new owner's log has two entries
  const told: number[] = [];
  logs.onAppended((_root, entries) => void told.push(...entries.map(({ number }) => number)));
  await Promise.all([logs.append(words as OwnerLogEntry), logs.append(words as OwnerLogEntry)]);
  expect(told).toEqual([1]);
  await close();
});
