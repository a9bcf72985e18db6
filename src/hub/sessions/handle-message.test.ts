// The door to the hub's deeds: whoever may not do a thing is told so, and nothing of the hub is touched for it.
import { describe, expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import type { ClientToHub, HubToClient } from "../../protocol/messages.ts";
import type { Actor, Role } from "../../protocol/actors.ts";
import { handleMessage, type MessageParts } from "./handle-message.ts";
import type { Session } from "./session.ts";

const OURS = "root-of-ours";
const THEIRS = "root-of-theirs";
const KEY = "the-key";

type Part = Record<string, unknown>;

interface Bench {
  session: Session;
  answers: HubToClient[];
  logged: [event: string, fields: object][];
  ask(message: ClientToHub): Promise<HubToClient[]>;
}

/** A hub of these parts. Whatever else is touched is a fault. */
function bench(actor: Actor, parts: Record<string, Part> = {}): Bench {
  const answers: HubToClient[] = [];
  const logged: Bench["logged"] = [];
  const note = (event: string, fields: object = {}): void => void logged.push([event, fields]);
  const session = {
    actor,
    key: KEY,
    facts: { deviceId: "pi", kind: actor.kind },
    health: undefined,
    watchesFleet: false,
    send: (answer: HubToClient) => answers.push(answer) > 0,
  } as unknown as Session; // what a message looks at
  const known: Record<string, unknown> = {
    log: { error: note, warn: note, info: note, debug: note },
    // Looking is not touching: a right is about what is there.
    shares: { byId: (id: string) => SHARES[id], ...parts["shares"] },
    devices: { byId: () => ({ device_id: "pi", owner_root: OURS }), ...parts["devices"] },
    audit: { record: () => Promise.resolve(), ...parts["audit"] },
    homeRoots: () => [OURS],
  };
  const all = new Proxy(
    { ...parts, ...known },
    {
      get(target, name) {
        if (Object.hasOwn(target, name)) return Reflect.get(target, name) as unknown;
        throw new Error(`touched ${String(name)}`);
      },
    },
  );
  return {
    session,
    answers,
    logged,
    async ask(message) {
      answers.length = 0;
      await handleMessage(all as unknown as MessageParts, session, message);
      return [...answers];
    },
  };
}

const SHARES: Record<string, { deviceId: string; label: string } | undefined> = {
  mine: { deviceId: "pi", label: "docs" },
  foreign: { deviceId: "nas", label: "photos" },
};

function device(role: Role | undefined, root = OURS): Actor {
  const roles = new Map(role === undefined ? [] : [[root, role]]);
  return { kind: "register", deviceKey: KEY, deviceId: "pi", roles };
}
const guest: Actor = { kind: "guest", key: KEY };
const page: Actor = { kind: "person", userId: "u", key: KEY, ownerRoots: [OURS], controller: "none" };

const health = {
  uptime_s: 1,
  load_1m: 0,
  cpus: 1,
  memory_used: 1,
  memory_total: 2,
  disk_free: 1,
  disk_total: 2,
};
const entry = {
  log: OURS,
  number: 1,
  previous: "",
  kind: "remove",
  body: "{}",
  by: "",
  signature: "",
} as const;
const publication = {
  type: "share_publish",
  id: "q",
  share_id: "mine",
  wish: "docs",
  kind: "page",
  access: "public",
  description: null,
  created_at: "2026-11-20T08:00:00.000Z",
  expires_at: null,
  proof_key: "",
  state: "running",
} as const;

describe("who may not is refused, and nothing of the hub is touched", () => {
  const rows: [who: string, actor: Actor, code: string, messages: ClientToHub[]][] = [
    [
      "a guest",
      guest,
      "forbidden",
      [
        { type: "fleet_get", id: "q" },
        { type: "fleet_watch", id: "q" },
        { type: "log_get", id: "q", owner_root: OURS, from: 0 },
        { type: "log_append", id: "q", entry },
        { type: "audit_get", id: "q", limit: 10, cursor: null },
        { type: "login_link_make", id: "q", even_if_signed_in: true },
        { type: "service_register", id: "q", services: [] },
        { type: "capabilities_update", id: "q", capabilities: [], queries: [] },
        { type: "share_remove", id: "q", share_id: "new" },
        publication,
      ],
    ],
    [
      "a page",
      page,
      "forbidden",
      [
        { type: "login_link_make", id: "q", even_if_signed_in: true },
        { type: "share_remove", id: "q", share_id: "mine" },
        publication,
      ],
    ],
    [
      "a page, to what is another owner's",
      { ...page, ownerRoots: [THEIRS] },
      "not_found",
      [
        { type: "log_get", id: "q", owner_root: OURS, from: 0 },
        { type: "log_append", id: "q", entry },
      ],
    ],
    [
      "a device, to what is another owner's",
      device("member", THEIRS),
      "not_found",
      [
        { type: "log_get", id: "q", owner_root: OURS, from: 0 },
        { type: "log_append", id: "q", entry },
      ],
    ],
    [
      "a member, to what commands",
      device("member"),
      "forbidden",
      [
        { type: "audit_get", id: "q", limit: 10, cursor: null },
        { type: "login_link_make", id: "q", even_if_signed_in: true },
      ],
    ],
    [
      "a device that nobody has confirmed",
      device("unconfirmed"),
      "not_found",
      [
        { type: "fleet_get", id: "q" },
        { type: "log_append", id: "q", entry },
      ],
    ],
    [
      "a device, to another's share",
      device("command"),
      "not_found",
      [{ ...publication, share_id: "foreign" }],
    ],
  ];
  for (const [who, actor, code, messages] of rows) {
    for (const message of messages) {
      test(`${who}: ${message.type}`, async () => {
        const { ask, logged } = bench(actor);
        expect(await ask(message)).toMatchObject([{ type: "error", id: "q", code }]);
        expect(logged).toEqual([]);
      });
    }
  }

  test("what asks for no answer gets none, and is seen in the log", async () => {
    for (const [actor, message] of [
      [guest, { type: "device_state", health }],
      [guest, { type: "tunnel_taken" }],
      [device("member"), { type: "share_state", share_id: "foreign", state: "stopped" }],
    ] as const) {
      const { ask, logged } = bench(actor);
      expect(await ask(message)).toEqual([]);
      expect(logged.map(([event]) => event)).toEqual(["message refused"]);
    }
  });
});

describe("who may is answered", () => {
  const picture = {
    hub: { url: "https://hub.example", id: "hub", version: "0.1.0" },
    devices: [],
    shares: [],
  };

  test("with the fleet, and is told again of a change only when that was asked for", async () => {
    const { ask, session } = bench(device("member"), { fleet: { viewFor: () => picture } });
    expect(await ask({ type: "fleet_get", id: "q1" })).toEqual([{ type: "fleet", id: "q1", fleet: picture }]);
    expect(session.watchesFleet).toBe(false);
    expect(await ask({ type: "fleet_watch", id: "q2" })).toMatchObject([{ type: "fleet", id: "q2" }]);
    expect(session.watchesFleet).toBe(true);
  });

  test("with the rest of a log, from where it asks, also while it is unconfirmed", async () => {
    const entries = [{ number: 0 }, { number: 1 }, { number: 2 }];
    const ownerLogs = { get: (root: string) => (root === OURS ? { entries } : undefined) };
    for (const role of ["member", "unconfirmed"] as const) {
      const { ask } = bench(device(role), { ownerLogs });
      expect(await ask({ type: "log_get", id: "q", owner_root: OURS, from: 2 })).toMatchObject([
        { type: "log_entries", id: "q", owner_root: OURS, entries: [{ number: 2 }] },
      ]);
      expect(await ask({ type: "log_get", id: "q", owner_root: OURS, from: 9 })).toMatchObject([
        { entries: [] },
      ]);
    }
  });

  test("when an entry is in the log, which decides for itself whether it takes it", async () => {
    const appended: unknown[] = [];
    const recorded: string[] = [];
    const audit = { record: (deed: { action: string }) => Promise.resolve(void recorded.push(deed.action)) };
    for (const actor of [device("member"), page]) {
      const taken = bench(actor, { ownerLogs: { append: async (it: unknown) => appended.push(it) }, audit });
      expect(await taken.ask({ type: "log_append", id: "q", entry })).toEqual([{ type: "done", id: "q" }]);
    }
    const refuse = () => Promise.reject(new MusterError("conflict", "the log has moved on"));
    const refused = bench(device("member"), { ownerLogs: { append: refuse }, audit });
    expect(await refused.ask({ type: "log_append", id: "q", entry })).toMatchObject([{ code: "conflict" }]);
    expect([appended, recorded]).toEqual([
      [entry, entry],
      ["log.appended", "log.appended"],
    ]);
  });

  test("that a share is gone, whether it was there, was another's, or never was", async () => {
    const removed: string[] = [];
    const recorded: string[] = [];
    const { ask } = bench(device("member"), {
      shares: { remove: async (_: string, id: string) => removed.push(id) > 0 && id === "mine" },
      audit: { record: (deed: { target: string }) => Promise.resolve(void recorded.push(deed.target)) },
    });
    for (const share_id of ["mine", "foreign", "never-there"]) {
      expect(await ask({ type: "share_remove", id: "q", share_id })).toEqual([{ type: "done", id: "q" }]);
    }
    expect([removed, recorded]).toEqual([["mine", "foreign", "never-there"], ["share:mine"]]);
  });

  test("that a cursor is none of the list's", async () => {
    const { ask } = bench(device("command"), { audit: { read: async () => undefined } });
    expect(await ask({ type: "audit_get", id: "q", limit: 10, cursor: "x" })).toMatchObject([
      { type: "error", id: "q", code: "invalid" },
    ]);
  });

  test("by nothing where it reports: what is new is news once, and what grows older is none", async () => {
    let changes = 0;
    const { ask, session } = bench(device("member"), { fleet: { changed: () => void (changes += 1) } });
    await ask({ type: "device_state", health });
    await ask({ type: "device_state", health: { ...health, uptime_s: 2 } });
    expect([changes, session.health?.uptime_s]).toEqual([1, 2]);
  });
});

test("a share that is published again while its first place is being refused stays", async () => {
  const wish = { ...publication, share_id: "new", link: "named" } as const;
  const removed: string[] = [];
  const [placing, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let now: object | undefined;
  let places = 0;
  const parts: Record<string, Part> = {
    shares: {
      byId: () => now,
      publish: async () => (now = { shareId: "new", deviceId: "pi", label: "docs", link: "named" }),
      remove: async (_: string, id: string) => removed.push(id) > 0,
    },
    life: {
      names: {
        async place() {
          places += 1;
          placing.resolve();
          if (places === 1) await gate.promise;
          throw new MusterError("conflict", "that name is another's");
        },
      },
    },
    prober: { probe() {} },
    addresses: { shareUrl: () => "https://docs.example" },
  };
  const first = bench(device("member"), parts).ask(wish);
  await placing.promise;
  const [again] = await bench(device("member"), parts).ask(wish);
  gate.resolve();
  expect([again, ...(await first)]).toMatchObject([
    { type: "share_published" },
    { type: "error", code: "conflict" },
  ]);
  expect(removed).toEqual([]);
});

test("what breaks inside the hub is in its log, and is not told", async () => {
  const broken = {
    viewFor: () => {
      throw new Error("no such table: devices");
    },
  };
  const { ask, logged } = bench(device("member"), { fleet: broken });
  const [answer] = await ask({ type: "fleet_get", id: "q" });
  expect(answer).toMatchObject({ type: "error", id: "q", code: "internal", message: "internal error" });
  expect(JSON.stringify(answer)).not.toContain("table");
  expect(logged).toMatchObject([["fault in a message", { type: "fleet_get" }]]);
});

test("a session does not register twice", async () => {
  const message = { type: "register" } as unknown as ClientToHub; // its shape was checked before
  expect(await bench(device("member")).ask(message)).toMatchObject([
    { type: "error", code: "protocol_error" },
  ]);
});
