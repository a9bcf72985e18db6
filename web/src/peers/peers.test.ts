import { beforeEach, describe, expect, test } from "bun:test";
import { MusterError } from "../../../src/protocol/errors.ts";
import { MESSAGE_FILE_MAX_BYTES } from "../../../src/protocol/file-in-message.ts";
import { isOwnHub } from "../session/own-hub.ts";
import { plainNickname } from "../session/peer-of-page.ts";
import { readPairingLink } from "../session/pairing-link.ts";
import { openPeers, type OpenedPeers } from "./peers-session.ts";
import { device, fakePeer, memoryTalks, NOW, talkItem, type FakePeer } from "./peers.fixture.ts";
import { byDay, preview, unreadIn, unreadInAll } from "./talk.ts";
import { overflowing, TALK_BYTES_MAX, TALK_ITEMS_MAX, TALK_TEXT_MAX } from "./talk-store.ts";
import { readTypedCode } from "./typed-code.ts";

/** Nothing here waits for its time. */
const manualTimers = {
  after: () => ({ cancel() {} }),
  every: () => ({ cancel() {} }),
  soon: (run: () => void) => queueMicrotask(run),
};
const noKey = (): never => {
  throw new Error("no test gets as far as a session");
};
/** A device whose link key is known, to which there is no stream. */
const NO_WAY = {
  ends: {
    crypto: { sha256: noKey, hmacSha256: noKey, makeDhKey: noKey, aead: noKey },
    own: { identityKey: new Uint8Array(32), linkKey: { publicKey: new Uint8Array(32), agree: noKey } },
  },
  linkKeyOf: async () => new Uint8Array(32),
};

const HUB = "https://muster.hub.example";
const read = (typed: string) => readTypedCode(typed, (origin) => isOwnHub(origin, HUB));
const SECRET = "AAAAAAAAAAAAAAAAAAAAAA";
const MAKER = "gr2q7gf-5lh6pzf-dnurnkv-puthpqv";

describe("a typed code", () => {
  test("is taken in any case, with or without the dash", () => {
    for (const typed of ["K7-Q2MX", "k7q2mx", " k7 q2 mx ", "K7B-Q2MX"]) expect(read(typed).is).toBe("whole");
  });

  test("is begun until it is long enough, and wrong as soon as it can't be one", () => {
    expect([read(""), read("k7-"), read("k7q2m")].map(({ is }) => is)).toEqual(["empty", "begun", "begun"]);
    expect(read("k7-q2mo")).toEqual({
      is: "wrong",
      why: "No code has “O” in it; 0, O, 1, I and L are left out because they look alike.",
    });
    expect(read("k7_q")).toEqual({ is: "wrong", why: "No code has “_” in it." });
    expect(read("k7b-q2mxx")).toEqual({ is: "wrong", why: "A code has six or seven characters." });
    expect(read("ﬀﬀﬀ").is).toBe("wrong");
  });

  test("may be the link, if it is one of this hub", () => {
    expect(read(`https://hub.example/pair#K7.${SECRET}.${MAKER}`).is).toBe("whole");
    expect(read(`https://other.example/pair#K7.${SECRET}.${MAKER}`)).toEqual({
      is: "wrong",
      why: "This link is of another hub, other.example: open it there.",
    });
    expect(read("https://hub.example/pair#K7")).toEqual({ is: "wrong", why: "that is no pairing link." });
  });
});

test("a hub on this machine goes by several names, at one port", () => {
  expect(isOwnHub("http://localhost:8080", "http://muster.localhost:8080")).toBe(true);
  expect(isOwnHub("http://127.0.0.1:8080", "http://muster.localhost:8080")).toBe(true);
  expect(isOwnHub("http://localhost:8081", "http://muster.localhost:8080")).toBe(false);
  expect(isOwnHub("http://hub.example", HUB)).toBe(false);
});

test("what a browser is called elsewhere holds no hidden letters, and is never nothing", () => {
  expect(plainNickname("Ada\u202e's\u0000 phone ")).toBe("Ada's phone");
  expect([plainNickname("\u200d"), plainNickname("x".repeat(99)).length]).toEqual(["Browser", 64]);
});

test("the fragment of a link is one, or broken, or none", () => {
  expect(readPairingLink(`#K7.${SECRET}.${MAKER}`, HUB)).toMatchObject({
    hub: HUB,
    mailbox: "K7",
    maker: MAKER,
  });
  expect(readPairingLink("#K7.cut", HUB)).toBe("malformed");
  expect(readPairingLink("", HUB)).toBeUndefined();
});

describe("a conversation", () => {
  test("stands under its days", () => {
    const days = byDay([talkItem({ at: 1 }), talkItem({ at: 2 }), talkItem({ at: 30 })], (ms) => `${ms > 9}`);
    expect(days.map(({ date, items }) => [date, items.length])).toEqual([
      ["false", 2],
      ["true", 1],
    ]);
  });

  test("is one line of plain text in the list", () => {
    const text = "two\nlines  and more " + "x".repeat(200);
    expect(preview(talkItem({ body: { kind: "text", text } }))).toBe(
      `two lines and more ${"x".repeat(200)}`.slice(0, 80),
    );
    const file = { kind: "file", name: "a.jpg", size: 3, kept: true } as const;
    expect(preview(talkItem({ from: "me", body: file }))).toBe("you: a.jpg");
  });

  test("loses its longest past first, and old files their bytes", () => {
    const many = Array.from({ length: TALK_ITEMS_MAX + 2 }, (_, at) => talkItem({ id: `${at}`, at }));
    expect(overflowing(new Map([["pi-key", many]])).items.map(({ id }) => id)).toEqual(["1", "0"]);
    const long = { kind: "text", text: "x".repeat(TALK_TEXT_MAX / 2) } as const;
    const texts = [1, 2, 3].map((at) => talkItem({ id: `${at}`, at, body: long }));
    expect(overflowing(new Map([["pi-key", texts]])).items.map(({ id }) => id)).toEqual(["1"]);
    const half = { kind: "file", name: "f", size: TALK_BYTES_MAX / 2, kept: true } as const;
    const files = [1, 2, 3].map((at) => talkItem({ id: `${at}`, at, body: half }));
    expect(overflowing(new Map([["pi-key", files]])).files.map(({ id }) => id)).toEqual(["1"]);
  });
});

describe("the session", () => {
  let library: FakePeer;
  let talks: ReturnType<typeof memoryTalks>;
  let opened: OpenedPeers;
  let nowMs: number;
  let visible: boolean;
  let forgotten: boolean;
  let saved: [string, Uint8Array | Blob][];

  beforeEach(async () => {
    library = fakePeer([device("pi")]);
    talks = memoryTalks();
    nowMs = NOW;
    visible = true;
    forgotten = false;
    saved = [];
    opened = openPeers({
      world: {
        clock: { now: () => nowMs, monotonic: () => nowMs },
        timers: manualTimers,
        random: { bytes: (length) => new Uint8Array(length), fraction: () => 0 },
      },
      hasRoom: async () => true,
      persist() {},
      forgetAll: async () => {
        forgotten = true;
      },
      talks,
      begin: async () => library.peer,
      nickname: () => "Firefox on Linux",
      rename: async () => {},
      isVisible: () => visible,
      say() {},
      save: (name, bytes) => saved.push([name, bytes]),
      isOwnHub: () => true,
    });
    await opened.attach(library.peer, NO_WAY);
  });

  const state = () => opened.actions.store.get();
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const text = (id: string, said: string) =>
    ({ type: "text", position: 1, id, from: "pi-key", at: NOW, text: said }) as const;

  test("a made code is shown, and its pairing leads to the words", async () => {
    opened.actions.makeCode();
    await settled();
    expect(state().pairing).toMatchObject({ at: "offered", code: "K7-Q2MX" });
    library.devices = [...library.devices, device("phone")];
    library.offer.resolve(device("phone"));
    await settled();
    expect(state().pairing).toEqual({ at: "paired", key: "phone-key" });
    expect(state().peers).toHaveLength(2);
  });

  test("a code that is given up is taken back, and says nothing more", async () => {
    opened.actions.makeCode();
    await settled();
    opened.actions.leavePairing();
    await settled();
    expect([state().pairing, library.cancelled]).toEqual([{ at: "idle" }, 1]);
  });

  test("a code that is given up while the hub was asked for it is taken back too", async () => {
    opened.actions.makeCode();
    opened.actions.leavePairing();
    await settled();
    expect(state().pairing).toEqual({ at: "idle" });
  });

  test("a miss and an end in time are told apart from each other only", async () => {
    library.join = () =>
      Promise.reject(new MusterError("pairing_failed", "whatever", { hint: "for a terminal" }));
    opened.actions.enterCode("K7-Q2MX");
    await settled();
    expect(state().pairing).toMatchObject({ at: "failed", problem: { message: "that did not finish" } });
    opened.actions.makeCode();
    await settled();
    nowMs += 300_000;
    library.offer.reject(new MusterError("pairing_failed", "whatever"));
    await settled();
    expect(state().pairing).toMatchObject({ problem: { message: "the code's five minutes are over" } });
  });

  test("a link says nothing to anybody before the click, and is kept over a sign-in", async () => {
    const secret = new Uint8Array(16);
    const link = { hub: HUB, mailbox: "K7", secret, maker: MAKER };
    opened.actions.store.set({ pairing: { at: "invited", link }, shown: { at: "pairing" } });
    await settled();
    expect(library.joined).toEqual([]);
    opened.detach();
    expect(state().pairing.at).toBe("invited");
    await opened.attach(library.peer, NO_WAY);
    library.join = async () => device("pi");
    opened.actions.acceptInvitation();
    await settled();
    expect(library.joined).toEqual([`${HUB}/pair#K7.${SECRET}.${MAKER}`]);
  });

  test("what comes is kept before it counts as taken, once, and unread until it is seen", async () => {
    await library.receive(text("m1", "hello"));
    await library.receive(text("m1", "hello"));
    expect([...talks.items.values()].map(({ unread }) => unread)).toEqual([true]);
    expect(unreadInAll(state().talks)).toBe(1);
    visible = false;
    opened.actions.show({ at: "talk", with: "pi-key" });
    await settled();
    expect(unreadIn(state().talks.get("pi-key"))).toBe(1);
    visible = true;
    opened.actions.seen();
    await settled();
    expect([...talks.items.values()].map(({ unread }) => unread)).toEqual([false]);
    await library.receive(text("m2", "again"));
    expect(unreadInAll(state().talks)).toBe(0);
  });

  test("what goes is followed until the other device has it", async () => {
    await opened.actions.sendText("pi-key", "on my way");
    expect(state().talks.get("pi-key")).toMatchObject([{ from: "me", state: "queued", at: NOW }]);
    for (const at of ["relayed", "delivered"] as const) {
      library.states.set("sent1", at);
      library.change();
      await settled();
      expect([...talks.items.values()][0]?.state).toBe(at);
    }
  });

  test("a file goes with its bytes, and comes out as it came", async () => {
    await opened.actions.sendFile("pi-key", new File([new Uint8Array([1, 2, 3])], "a.bin"));
    const [item] = state().talks.get("pi-key") ?? [];
    if (item === undefined) throw new Error("nothing was kept");
    await opened.actions.save(item);
    expect(saved).toEqual([["a.bin", new Uint8Array([1, 2, 3])]]);
  });

  test("a file too large for a message waits for a way of its own, until it is taken back", async () => {
    const large = new File([new Uint8Array(MESSAGE_FILE_MAX_BYTES + 1)], "large.bin");
    await opened.actions.sendFile("pi-key", large);
    await settled();
    const [item] = state().talks.get("pi-key") ?? [];
    expect(item).toMatchObject({ state: "queued", body: { name: "large.bin", kept: false } });
    expect([...state().moving.values()]).toMatchObject([{ name: "large.bin", moved: 0 }]);
    opened.actions.cancelFile(item?.id ?? "");
    await settled();
    expect(state().talks.get("pi-key")).toMatchObject([
      { state: "dropped", problem: "taken back before it had gone" },
    ]);
    expect(state().moving.size).toBe(0);
  });

  test("a file that had not gone when the page was closed is not said to be on its way", async () => {
    const body = { kind: "file", name: "large.bin", size: 9, kept: false, session: true } as const;
    await talks.put(talkItem({ id: "f1", from: "me", state: "queued", body }));
    opened.detach();
    await opened.attach(library.peer, NO_WAY);
    expect(state().talks.get("pi-key")).toMatchObject([{ state: "dropped" }]);
  });

  test("another nickname is told in the conversation, and the name here stays", async () => {
    library.devices = [device("pi", { nickname: "pie" })];
    library.change();
    await settled();
    expect(state().talks.get("pi-key")).toMatchObject([{ body: { kind: "renamed", from: "pi", to: "pie" } }]);
    expect(state().peers?.[0]?.petname).toBe("pi");
  });

  test("a pairing that ends leaves what was said until it is deleted", async () => {
    await library.receive(text("m1", "hello"));
    await opened.actions.setPetname("pi-key", "workshop");
    await opened.actions.unpair("pi-key");
    expect([state().peers, state().talks.get("pi-key")?.at(-1)?.name]).toEqual([[], "workshop"]);
    await opened.actions.forgetTalk("pi-key");
    expect([state().talks.size, talks.items.size]).toEqual([0, 0]);
  });

  test("who leaves ends every pairing before anything is taken away", async () => {
    const { unpair } = library.peer;
    library.peer.unpair = async (key) => {
      expect(forgotten).toBe(false);
      await unpair(key);
    };
    await opened.actions.forgetAll();
    expect([library.devices, forgotten]).toEqual([[], true]);
  });

  test("nothing of one session is left in the page after it", async () => {
    await library.receive(text("m1", "hello"));
    opened.detach();
    expect([state().peers, state().talks.size]).toEqual([null, 0]);
    expect(opened.actions.sendText("pi-key", "x")).rejects.toMatchObject({ code: "unavailable" });
  });
});
