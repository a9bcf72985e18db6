import { describe, expect, test } from "bun:test";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import type { Signer } from "../../identity/crypto.ts";
import { appendEntry, type NewEntry } from "../../identity/owner-log.ts";
import type { EntryBody, OwnerLogEntry } from "../../protocol/owner-log.ts";
import { makeShareClaim, makeShareOffer, takeShared } from "../../identity/share-token.ts";
import { checkHub } from "../../identity/session.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { HubMessage } from "../../protocol/messages.ts";
import { rootsOf } from "../../protocol/actors.ts";
import type { Owner } from "../api/hub.fixture.ts";
import { openStream } from "../../trunk/testing-trunks.ts";
import { openDoor, type TestDoor } from "./door.fixture.ts";

const account = ({ hub }: TestDoor, isSignedIn = () => true) => ({
  userId: "u-1",
  ownerRoots: [hub.home.root],
  isSignedIn: () => Promise.resolve(isSignedIn()),
});

const SIGNER = nodeCrypto(() => new Uint8Array(32)).ed25519Signer(new Uint8Array(32).fill(3));

const idOf = ({ hub }: TestDoor, key: Uint8Array): string => deviceIdOf(hub.crypto.sha256(key));

describe("a device", () => {
  test("that its owner's log names is let in, with a name, a proof of the hub and the ends of its logs", async () => {
    await using door = await openDoor();
    const pi = await door.member("pi");
    const client = door.knock();
    const { handshake, answer } = await client.register(pi);
    expect(answer).toMatchObject({ type: "registered", name: "pi" });
    expect(answer.owner_heads).toMatchObject([{ owner_root: door.hub.home.root, number: 1 }]);
    checkHub(door.hub.crypto, handshake, fromBase64Url(answer.signature ?? "") ?? new Uint8Array(0));
    expect(door.directory.device(idOf(door, pi.publicKey))?.facts).toMatchObject({ kind: "register" });
    expect([door.events, client.settled()]).toEqual([["joined register pi"], 1]);
  });

  test("hears of an entry that comes while the hub proves itself to it", async () => {
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const made = SIGNER;
    const slow = async (bytes: Uint8Array) => (begun.resolve(), await gate.promise, made.sign(bytes));
    await using door = await openDoor({ signer: { publicKey: made.publicKey, sign: slow } });
    const pi = await door.member("pi");
    const registered = door.knock().register(pi);
    await begun.promise;
    // Nobody tells it of this one: it is not here yet.
    await door.member("nas");
    gate.resolve();
    expect((await registered).answer.owner_heads).toMatchObject([
      { number: door.hub.home.log().head.number },
    ]);
  });

  test("that no log names is refused, and leaves nothing", async () => {
    await using door = await openDoor();
    const stranger = door.hub.crypto.ed25519Signer(door.hub.crypto.randomBytes(32));
    const client = door.knock();
    expect((await client.register(stranger)).answer).toMatchObject({ type: "error", code: "forbidden" });
    await door.until("its end", () => client.closed());
    expect([door.events, client.settled(), [...door.directory.all()]]).toEqual([[], 1, []]);
  });

  test("that comes again with a higher number takes its own place; the older session is fenced", async () => {
    await using door = await openDoor();
    const pi = await door.member("pi");
    const id = idOf(door, pi.publicKey);
    const [older, newer] = [door.knock(), door.knock()];
    await older.register(pi, { session: 4 });
    const first = door.directory.device(id);
    await newer.register(pi, { session: 5 });
    expect(await door.until("its end", () => older.closed())).toBe("superseded");
    expect(door.directory.device(id)).not.toBe(first);
    expect([newer.closed(), door.directory.deviceCount]).toEqual([undefined, 1]);
    // Its end is no news about the device.
    expect(door.events).toEqual(["joined register pi", "joined register pi"]);
  });

  test.each([4, 3, 0])("whose number is %p after 4 is refused, and who is there stays", async (session) => {
    await using door = await openDoor();
    const pi = await door.member("pi");
    const [first, late] = [door.knock(), door.knock()];
    await first.register(pi, { session: 4 });
    const { answer } = await late.register(pi, { session });
    expect(answer).toMatchObject({ type: "error", code: "superseded" });
    await door.until("its end", () => late.closed());
    expect([first.closed(), door.directory.deviceCount]).toEqual([undefined, 1]);
  });

  test("whose two machines come at once with one number: one is let in", async () => {
    await using door = await openDoor();
    const pi = await door.member("pi");
    const answers = await Promise.all(
      [door.knock(), door.knock(), door.knock()].map((client) => client.register(pi, { session: 7 })),
    );
    const types = answers.map(({ answer }) => answer.code ?? answer.type).toSorted();
    expect(types).toEqual(["registered", "superseded", "superseded"]);
    expect(door.directory.deviceCount).toBe(1);
  });

  test("is held to its number by a hub that was started anew", async () => {
    await using door = await openDoor();
    const pi = await door.member("pi");
    await door.knock().register(pi, { session: 9 });
    await door.restarted();
    expect((await door.knock().register(pi, { session: 9 })).answer.code).toBe("superseded");
    expect((await door.knock().register(pi, { session: 10 })).answer.type).toBe("registered");
  });

  test("that is sent away in the moment in which it arrives leaves nothing of itself", async () => {
    await using door = await openDoor({}, (session) => session.close("forbidden", "removed meanwhile"));
    const pi = await door.member("pi");
    const client = door.knock();
    await client.register(pi);
    expect(await door.until("its end", () => client.closed())).toBe("forbidden");
    expect([...door.directory.all()]).toHaveLength(0);
    expect(door.events).toEqual(["joined register pi", "left register pi"]);
  });

  test("that is taken out of its log while it comes for the first time is refused, and its row revoked", async () => {
    await using door = await openDoor();
    const { crypto, home, logs, store, devices } = door.hub;
    const pi = await door.member("pi");
    const body = { public_key: toBase64Url(pi.publicKey) };
    const longer = await appendEntry(crypto, home.log(), { kind: "remove", body, signer: home.signer });
    const [written, arriving] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const begin = store.db.transaction.bind(store.db);
    // What is written first, the entry, is known here only while what comes second, the row, is being written.
    const [first, second] = [begin(), begin()];
    const steps: unknown[] = [
      {
        async execute(work: Parameters<typeof first.execute>[0]) {
          await first.execute(work);
          written.resolve();
          await arriving.promise;
        },
      },
      {
        execute(work: Parameters<typeof second.execute>[0]) {
          arriving.resolve();
          return removed.then(() => second.execute(work));
        },
      },
    ];
    Object.assign(store.db, { transaction: () => steps.shift() ?? begin() });
    const removed = logs.append(longer.entries.at(-1) as OwnerLogEntry); // it was just added
    await written.promise;
    expect((await door.knock().register(pi)).answer.code).toBe("forbidden");
    const id = idOf(door, pi.publicKey);
    await door.until("its end", () => devices.byId(id)?.revoked_at === door.hub.clock.now());
    expect([steps, [...door.directory.all()]]).toEqual([[], []]);
  });

  test("that was removed sees the proof of it before the refusal", async () => {
    const proof = {
      type: "log_entries",
      owner_root: "root",
      entries: [],
    } satisfies HubMessage<"log_entries">;
    await using door = await openDoor({ removals: { proofFor: () => [proof] } });
    const gone = door.hub.crypto.ed25519Signer(door.hub.crypto.randomBytes(32));
    const client = door.knock();
    await client.register(gone);
    expect(client.heard.map(({ type }) => type)).toEqual(["hello", "log_entries", "error"]);
  });
});

describe("another kind of session", () => {
  test("of a controller's key stands beside others of it, and needs no number", async () => {
    await using door = await openDoor();
    const { signer } = door.hub.home;
    const clients = [door.knock(), door.knock()];
    for (const client of clients) await client.register(signer, { kind: "attach", session: 0 });
    expect(clients.map((client) => client.closed())).toEqual([undefined, undefined]);
    expect([[...door.directory.all()].length, door.directory.deviceCount]).toEqual([2, 0]);
  });

  test("is no way in for a key that commands nothing", async () => {
    await using door = await openDoor();
    const pi = await door.member("pi");
    expect((await door.knock().register(pi, { kind: "attach" })).answer.code).toBe("forbidden");
  });

  test("of a page needs a person who is signed in, and its bearer ends with it", async () => {
    await using door = await openDoor();
    const browser = door.hub.crypto.ed25519Signer(door.hub.crypto.randomBytes(32));
    const page = { kind: "person", name: "Firefox" } as const;
    expect((await door.knock().register(browser, page)).answer.code).toBe("unauthorized");
    const client = door.knock({ account: account(door) });
    const { token = "" } = (await client.register(browser, page)).answer;
    expect(door.tokens.verify(token)).toMatchObject({ userId: "u-1", controller: "none" });
    // Who may command it takes from the log itself.
    const told = await door.until("the log", () => client.heard.find(({ type }) => type === "log_entries"));
    expect(told.entries).toHaveLength(door.hub.home.log().length);
    client.trunk.close("unavailable", "the tab was closed");
    await door.until("its end", () => door.events.includes("left person Firefox"));
    expect(door.tokens.verify(token)).toBeUndefined();
  });

  test("of a page whose person has signed out since it connected is refused", async () => {
    await using door = await openDoor();
    const browser = door.hub.crypto.ed25519Signer(door.hub.crypto.randomBytes(32));
    let isSignedIn = true;
    const client = door.knock({ account: account(door, () => isSignedIn) });
    isSignedIn = false;
    const { answer } = await client.register(browser, { kind: "person", name: "Firefox" });
    expect(answer).toMatchObject({ type: "error", code: "unauthorized" });
    expect(door.events).toEqual([]);
  });

  test("of a page that is sent away in the moment in which it arrives has no bearer", async () => {
    await using door = await openDoor({}, (session) => session.close("forbidden", "removed meanwhile"));
    const browser = door.hub.crypto.ed25519Signer(door.hub.crypto.randomBytes(32));
    const client = door.knock({ account: account(door) });
    const { token = "" } = (await client.register(browser, { kind: "person", name: "Firefox" })).answer;
    expect(token).not.toBe("");
    await door.until("its end", () => client.closed());
    expect(door.tokens.verify(token)).toBeUndefined();
    expect([...door.directory.all()]).toHaveLength(0);
  });

  test("of a guest is let in where the hub takes guests, and never with a device's key", async () => {
    await using closed = await openDoor();
    const stranger = closed.hub.crypto.ed25519Signer(closed.hub.crypto.randomBytes(32));
    expect((await closed.knock().register(stranger, { kind: "guest" })).answer.code).toBe("forbidden");
    await using open = await openDoor({ guests: true });
    expect((await open.knock().register(stranger, { kind: "guest" })).answer.type).toBe("registered");
    const pi = await open.member("pi");
    await open.knock().register(pi);
    expect((await open.knock().register(pi, { kind: "guest" })).answer.code).toBe("forbidden");
  });
});

describe("what a session says", () => {
  test("is answered, and an unknown word is refused by name while the session goes on", async () => {
    await using door = await openDoor();
    const client = door.knock();
    await client.register(await door.member("pi"));
    client.say({ type: "of_a_newer_client", id: "q1" });
    client.say({ type: "of_a_newer_client" });
    client.say({ type: "fleet_get", id: "q2" });
    await door.until("an answer", () => client.heard.find(({ id }) => id === "q2"));
    expect(client.heard.filter(({ id }) => id !== undefined)).toMatchObject([
      { type: "error", id: "q1", code: "unknown_message" },
      { type: "fleet", id: "q2" },
    ]);
    expect(client.closed()).toBeUndefined();
  });

  test.each([
    ["a known word of another shape", { type: "fleet_get", id: 7 }],
    ["no word at all", { id: "1" }],
  ])("%s ends it", async (_, message) => {
    await using door = await openDoor();
    const client = door.knock();
    await client.register(await door.member("pi"));
    client.say(message);
    expect(await door.until("its end", () => client.closed())).toBe("protocol_error");
    expect(door.events).toEqual(["joined register pi", "left register pi"]);
  });

  test("too quickly ends it, and what is bounded otherwise is not counted", async () => {
    await using door = await openDoor();
    const client = door.knock();
    await client.register(await door.member("pi"));
    for (let count = 0; count < 20; count += 1) client.say({ type: "relay_ack", relay_id: count + 1 });
    for (let count = 0; count < 5; count += 1) client.say({ type: "fleet_get", id: `q${count}` });
    await door.until("the answers", () => client.heard.filter(({ type }) => type === "fleet").length === 5);
    client.say({ type: "fleet_get", id: "one too many" });
    expect(await door.until("its end", () => client.closed())).toBe("too_many");
  });

  test("before it has registered reaches nobody, and neither does a stream", async () => {
    await using door = await openDoor();
    const client = door.knock();
    const { log } = openStream(client, "session");
    await door.until("a reset", () => log.told.includes("reset 2"));
    client.say({ type: "fleet_get", id: "q1" });
    expect(await door.until("its end", () => client.closed())).toBe("protocol_error");
    expect([client.settled(), door.events]).toEqual([1, []]);
  });
});

test("a session that says goodbye is given nothing new", async () => {
  await using door = await openDoor();
  const pi = await door.member("pi");
  const client = door.knock();
  await client.register(pi);
  const session = door.directory.device(idOf(door, pi.publicKey));
  expect(session?.leaving).toBe(false);
  client.trunk.goaway("the machine sleeps");
  await door.until("its goodbye", () => session?.leaving === true);
  expect(toBase64Url(pi.publicKey)).toBe(session?.key ?? "");
});

test("a device reads the log of an owner who was let use something of it, until that ends", async () => {
  await using door = await openDoor();
  const { crypto, home, other, logs } = door.hub;
  const [pi, nas] = [await door.member("pi"), await door.member("nas")];
  await door.knock().register(pi);
  await door.knock().register(nas);
  const roles = (of: Signer): unknown[] => {
    const actor = door.directory.device(idOf(door, of.publicKey))?.actor;
    return actor?.kind === "register" ? [...actor.roles] : [];
  };
  const own = [home.root, "member"];
  const write = async (entry: NewEntry): Promise<void> => {
    const longer = await appendEntry(crypto, home.log(), entry);
    const last = longer.entries.at(-1);
    if (last !== undefined) await logs.append(last);
  };
  const body: EntryBody<"key"> = {
    public_key: other.root,
    name: "Mate",
    holder: "owner",
    scopes: ["capabilities"],
    capabilities: ["llm.chat"],
    devices: [toBase64Url(pi.publicKey)],
    until: null,
  };
  await write({ kind: "key", body, signer: home.signer });
  expect(roles(pi)).toEqual([own, [other.root, "granted"]]);
  expect(roles(nas)).toEqual([own]);
  const { answer } = await door.knock().register(pi, { session: 2 });
  expect(answer.owner_heads).toMatchObject([{ owner_root: home.root }, { owner_root: other.root }]);
  await write({ kind: "remove", body: { public_key: other.root }, signer: home.signer });
  expect(roles(pi)).toEqual([own]);
});

describe("a device that another owner's log names", () => {
  async function named(door: TestDoor): Promise<{ pi: Signer; other: Owner; share: () => Promise<void> }> {
    const pi = await door.member("pi");
    const { crypto, home, other, logs } = door.hub;
    const known = home.log().participant(pi.publicKey);
    if (known === undefined) throw new Error("the log does not name it");
    const sharedBy = home.log();
    const { entry } = await takeShared(crypto, {
      log: other.log(),
      sharedBy,
      device: known,
      signer: other.signer,
    });
    await logs.append(entry);
    const wish = { hubKey: door.hub.hubSigner.publicKey, device: pi.publicKey, expiresAtMs: 0 };
    return {
      pi,
      other,
      async share() {
        const offered = await makeShareOffer(crypto, { ...wish, log: home.log(), signer: home.signer });
        await logs.append(offered.entry);
        const { hubKey } = wish;
        const token = { token: offered.token, log: home.log(), hubKey };
        await logs.append(
          (await makeShareClaim(crypto, { ...token, owner: other.log(), name: "Mate" })).entry,
        );
      },
    };
  }

  test("hears of that log once its own owner shares it, and sees no other thing of that owner", async () => {
    await using door = await openDoor();
    const { pi, other, share } = await named(door);
    const client = door.knock();
    const { answer } = await client.register(pi);
    expect(answer.owner_heads).toMatchObject([{ owner_root: door.hub.home.root }]);
    const session = door.directory.device(idOf(door, pi.publicKey));
    const roles = (): unknown[] => (session?.actor.kind === "register" ? [...session.actor.roles] : []);
    expect(roles()).toEqual([[door.hub.home.root, "member"]]);
    await share();
    expect(roles()).toEqual([
      [door.hub.home.root, "member"],
      [other.root, "shared"],
    ]);
    expect(session === undefined ? [] : rootsOf(session.actor)).toEqual([door.hub.home.root]);
    const again = await door.knock().register(pi, { session: 2 });
    expect(again.answer.owner_heads).toHaveLength(2);
  });
});
