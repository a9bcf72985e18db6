// Who guesses at the names of mailboxes must learn nothing from a refusal: neither by its bytes nor by its time.
// Time is compared by what the hub does for it: steps that it awaits, looks at the clock, calls of the database,
// lines of logs and records. MUSTER_TIMING=1 also measures it, loosely, for a machine with nothing else to do.
import { expect, test } from "bun:test";
import { publicError } from "../../protocol/errors.ts";
import { SILENT_LOG, type Log } from "../../protocol/log.ts";
import { PAIRING_LIFETIME_MS } from "../../protocol/pairing-code.ts";
import type { Actor } from "../../protocol/actors.ts";
import { hubStore } from "../../store/testing.ts";
import type { Trunk } from "../../trunk/trunk.ts";
import { Mailboxes } from "../pairing/mailboxes.ts";
import { Session } from "../sessions/session.ts";
import { Pairs } from "./pairs.ts";
import { RelayDesk } from "./relay-desk.ts";
import { Relay } from "./relay.ts";

/** Kinds of names that lead nowhere, and one that leads to a live code. */
type Dead = "unknown" | "used" | "given up" | "expired" | "one's own";

interface Work {
  clock: number;
  database: number;
  said: number;
}

async function desk() {
  const work: Work = { clock: 0, database: 0, said: 0 };
  let nowMs = 0;
  let drawn = 0;
  const clock = {
    now: () => ((work.clock += 1), nowMs),
    monotonic: () => ((work.clock += 1), nowMs),
  };
  const random = {
    bytes: (length: number) => {
      const digest = new Bun.CryptoHasher("sha256").update(`${++drawn}`).digest();
      return new Uint8Array(digest.subarray(0, length));
    },
  };
  const said = (): void => void (work.said += 1);
  const log: Log = { ...SILENT_LOG, debug: said, info: said, warn: said, error: said };
  const { db } = await hubStore({ path: ":memory:" });
  const counted = new Proxy(db, {
    get(target, name, receiver) {
      work.database += 1;
      // Whatever it is, it is the database's own.
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  const relay = new Relay({ db: counted, log, now: clock.now, isStranger: () => true });
  const mailboxes = new Mailboxes({ clock, random });
  const made = new RelayDesk({
    clock,
    log,
    audit: { record: () => Promise.resolve(said()) },
    mailboxes,
    pairs: new Pairs(counted, clock.now),
    relay,
    homeRoots: () => [],
  });
  return { desk: made, mailboxes, work, pass: (ms: number) => (nowMs += ms) };
}

function session(name: string, owner?: string, kind: "register" | "guest" = "register"): Session {
  const facts = {
    kind,
    publicKey: new Uint8Array(32).fill(name.length),
    deviceId: name,
    name,
    about: { platform: "linux-x86_64", kind: "laptop" as const, version: "0.1.0" },
    address: "192.0.2.1",
    sinceMs: 0,
  };
  const roles = new Map(owner === undefined ? [] : [[owner, "member" as const]]);
  const made: { session?: Session } = {};
  const actor = (): Actor => ({
    kind: "register",
    deviceKey: made.session?.key ?? "",
    deviceId: name,
    roles,
  });
  // It only says messages over its trunk here.
  made.session = new Session(facts, { message: () => true } as unknown as Trunk, actor);
  return made.session;
}

type Hub = Awaited<ReturnType<typeof desk>>;

/** A name of each kind, made by a device of this owner. */
function namesFor({ mailboxes, pass }: Hub, joiner: Session, owner: string): Record<Dead | "live", string> {
  const party = (key: string) => ({ key, ownerRoots: [owner] });
  const maker = (number: number) => party(`maker ${number}`);
  const expired = mailboxes.create(maker(1), "anyone").name;
  pass(PAIRING_LIFETIME_MS);
  const used = mailboxes.create(maker(2), "anyone").name;
  mailboxes.join(party("another"), used);
  mailboxes.say("another", used, "0");
  mailboxes.say("another", used, "2");
  const givenUp = mailboxes.create(maker(3), "anyone").name;
  mailboxes.end(maker(3).key, givenUp);
  const own = mailboxes.create(party(joiner.key), "anyone").name;
  const live = mailboxes.create(maker(4), "anyone").name;
  const taken = new Set([expired, used, givenUp, own, live]);
  const unknown = ["YY", "ZZ", "XX", "WW", "VV", "UU"].find((name) => !taken.has(name)) ?? "TT";
  return { unknown, used, "given up": givenUp, expired, "one's own": own, live };
}

async function join(
  hub: Hub,
  by: Session,
  mailbox: string,
): Promise<{ answer: string; steps: number; work: Work }> {
  const before = { ...hub.work };
  const told: string[] = [];
  const settle = (given: unknown): void => void told.push(JSON.stringify(given));
  hub.desk
    .handle(by, { type: "join_pairing", id: "1", mailbox })
    .then(settle, (error: unknown) => settle(publicError(error).toJSON()));
  let steps = 0;
  for (; told.length === 0 && steps < 1_000; steps++) await Promise.resolve();
  const { clock, database, said } = hub.work;
  const work = {
    clock: clock - before.clock,
    database: database - before.database,
    said: said - before.said,
  };
  return { answer: told[0] ?? "none", steps, work };
}

const KINDS: readonly Dead[] = ["unknown", "used", "given up", "expired", "one's own"];

test.each([
  ["a stranger", undefined],
  ["a device of the same owner", "anna"],
])("whatever is wrong with a name, %s is refused by the same bytes after the same work", async (_, owner) => {
  const outcomes = [];
  for (const kind of KINDS) {
    const hub = await desk();
    const joiner = session("joiner", owner);
    outcomes.push(await join(hub, joiner, namesFor(hub, joiner, "anna")[kind]));
  }
  const [first] = outcomes;
  expect(first?.answer).toContain("pairing_failed");
  expect(first?.work).toMatchObject({ database: 0, said: 0 });
  for (const outcome of outcomes) expect(outcome).toEqual(first ?? outcome);
});

test("who is held back is held back from every name alike, be it live", async () => {
  for (const kind of [...KINDS, "live"] as const) {
    const hub = await desk();
    const joiner = session("joiner");
    const name = namesFor(hub, joiner, "anna")[kind];
    let answer = "";
    for (let attempt = 0; attempt <= 30; attempt++) ({ answer } = await join(hub, joiner, "SS"));
    expect(answer).toContain("too_many");
    expect((await join(hub, joiner, name)).answer).toBe(answer);
  }
});

test("in a minute strangers of one address may try ten names, a key of an owner's thirty; then a minute later again", async () => {
  const hub = await desk();
  const tries = async (by: () => Session): Promise<number> => {
    for (let tried = 0; ; tried++) {
      const { answer } = await join(hub, by(), "SS");
      if (answer.includes("too_many")) return tried;
    }
  };
  // Another key costs a stranger nothing, and another address of a registered key is no other key.
  let number = 0;
  expect(await tries(() => session("s".repeat(1 + (number++ % 20)), undefined, "guest"))).toBe(10);
  expect(await tries(() => session("laptop", "anna"))).toBe(30);
  hub.pass(60_000);
  expect(await tries(() => session("one more", undefined, "guest"))).toBe(10);
  expect(await tries(() => session("laptop", "anna"))).toBe(30);
});

test.skipIf(process.env["MUSTER_TIMING"] === undefined)(
  "refusals take the same time on a quiet machine (MUSTER_TIMING)",
  async () => {
    const hub = await desk();
    const names = namesFor(hub, session("joiner"), "anna");
    const times = new Map<Dead, number[]>(KINDS.map((kind) => [kind, []]));
    for (let round = 0; round < 20_000; round++) {
      for (const kind of KINDS) {
        // Each a device of its own, which no limit has seen.
        const joiner = session("joiner");
        Object.assign(joiner, { key: kind === "one's own" ? joiner.key : `${kind} ${round}` });
        if (kind === "one's own" && round > 25) continue;
        const began = performance.now();
        await join(hub, joiner, names[kind]);
        times.get(kind)?.push(performance.now() - began);
      }
    }
    const median = (kind: Dead): number => {
      const sorted = (times.get(kind) ?? []).toSorted((a, b) => a - b);
      return sorted[Math.floor(sorted.length / 2)] ?? 0;
    };
    const measured = KINDS.slice(0, 4).map((kind) => median(kind));
    expect(Math.max(...measured) / Math.min(...measured)).toBeLessThan(1.3);
  },
  60_000,
);
