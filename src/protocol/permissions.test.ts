import { describe, expect, test } from "bun:test";
import {
  type Actor,
  type ActorKind,
  followsLog,
  type Resource,
  type ResourceKind,
  type Role,
} from "./actors.ts";
import { type Action, assertComplete, can, demand, everyRow, kindsFor, RIGHTS } from "./permissions.ts";
import { MusterError } from "./errors.ts";
import { clientToHub } from "./messages.ts";

interface Tenant {
  root: string;
  key: string;
  userId: string;
  role: Role;
}

const ANNA: Tenant = { root: "root-anna", key: "key-anna", userId: "user-anna", role: "admin" };
const BERT: Tenant = { root: "root-bert", key: "key-bert", userId: "user-bert", role: "admin" };

const ACTORS: { [Kind in ActorKind]: (tenant: Tenant) => Actor } = {
  anonymous: () => ({ kind: "anonymous", address: "192.0.2.1" }),
  operator: () => ({ kind: "operator" }),
  account: ({ userId, root }) => ({ kind: "account", userId, ownerRoots: [root] }),
  person: ({ userId, root, key }) => ({
    kind: "person",
    userId,
    key,
    ownerRoots: [root],
    controller: "command",
  }),
  register: ({ root, key, role }) => ({
    kind: "register",
    deviceKey: key,
    deviceId: `id of ${key}`,
    roles: new Map([[root, role]]),
  }),
  attach: ({ root, key, role }) => ({ kind: "attach", key, roles: new Map([[root, role]]) }),
  program: ({ root, key }) => ({
    kind: "program",
    key,
    ownerRoot: root,
    scopes: ["capabilities", "models", "read", "share"],
    capabilities: null,
  }),
  guest: ({ key }) => ({ kind: "guest", key }),
};

/** Whom a revocation leaves: the same keys, in no owner's log, on no account's list. */
const REVOKED: { [Kind in ActorKind]: (tenant: Tenant) => Actor } = {
  ...ACTORS,
  account: ({ userId }) => ({ kind: "account", userId, ownerRoots: [] }),
  person: ({ userId, key }) => ({ kind: "person", userId, key, ownerRoots: [], controller: "none" }),
  register: ({ key }) => ({ kind: "register", deviceKey: key, deviceId: `id of ${key}`, roles: new Map() }),
  attach: ({ key }) => ({ kind: "attach", key, roles: new Map() }),
  program: ({ key }) => ({ kind: "program", key, ownerRoot: "", scopes: [], capabilities: null }),
};

const RESOURCES: { [Kind in ResourceKind]: (tenant: Tenant) => Resource } = {
  hub: ({ root }) => ({ kind: "hub", ownerRoots: [root] }),
  owner: ({ root }) => ({ kind: "owner", root }),
  account: ({ userId }) => ({ kind: "account", userId }),
  device: ({ key, root }) => ({ kind: "device", deviceKey: key, ownerRoots: [root] }),
  share: ({ key, root }) => ({ kind: "share", deviceKey: key, ownerRoots: [root] }),
  command: ({ key }) => ({ kind: "command", deviceKey: key }),
  pair: ({ key }) => ({ kind: "pair", keys: [key, "key-carla"] }),
};

const KINDS = Object.keys(ACTORS) as ActorKind[];
// Everyone may see the hub itself: what it says differs for nobody.
const ROWS = everyRow().filter((row) => row.resource !== "hub");

function may(actor: Actor, action: Action, resource: Resource | undefined): boolean {
  return can(actor, action, resource);
}

/** The refusal as its reader sees it; undefined where there is none. */
function refusal(actor: Actor, action: Action, resource: Resource | undefined): string | undefined {
  try {
    demand(actor, action, resource);
    return undefined;
  } catch (error) {
    if (error instanceof MusterError) return JSON.stringify([error.status, error.toJSON()]);
    throw error;
  }
}

describe("the authorization table", () => {
  test("has exactly one row for every message type, and names none that is not there", () => {
    const messages = clientToHub.options.map((option) => option.shape.type.value);
    expect(() => assertComplete({ routes: [], messages })).not.toThrow();
    const rows = everyRow().filter((row) => row.by === "message");
    expect(rows.map((row) => row.name).toSorted()).toEqual(messages.toSorted());
  });

  test("stops the program for what has no row", () => {
    expect(() => assertComplete({ routes: ["DELETE /api/hubs/:id"], messages: [] })).toThrow("0 rows");
    expect(() => assertComplete({ routes: [], messages: ["toString"] })).toThrow("0 rows");
  });

  test("lets tenants to their own, so that the refusals below mean something", () => {
    for (const { action, resource, kinds } of ROWS) {
      for (const kind of kinds) expect(may(ACTORS[kind](ANNA), action, RESOURCES[resource](ANNA))).toBe(true);
    }
  });

  for (const row of ROWS) {
    test(`${row.name}: what is another's and what is not there are one answer`, () => {
      for (const kind of KINDS) {
        const bert = ACTORS[kind](BERT);
        expect(may(bert, row.action, RESOURCES[row.resource](ANNA))).toBe(false);
        const theirs = refusal(bert, row.action, RESOURCES[row.resource](ANNA));
        expect(theirs).toBeDefined();
        expect(theirs).toBe(refusal(bert, row.action, undefined));
      }
    });

    test(`${row.name}: after a revocation one's own is another's`, () => {
      // A device's own key still names its own session's things; a revoked key has no session at all.
      const byKey = row.resource === "share" || row.resource === "device" || row.resource === "command";
      for (const kind of KINDS) {
        if (kind === "register" && byKey) continue;
        // A pairing is between two keys, whatever an owner's log says of them.
        if (row.resource === "pair") continue;
        // An account without owners is still its own.
        if (row.resource === "account" && kind === "person") continue;
        const actor = REVOKED[kind](ANNA);
        expect(may(actor, row.action, RESOURCES[row.resource](ANNA))).toBe(false);
        expect(refusal(actor, row.action, RESOURCES[row.resource](ANNA))).toBe(
          refusal(actor, row.action, undefined),
        );
      }
    });
  }

  test("never takes a resource of another kind, however it looks", () => {
    for (const { action, resource } of everyRow()) {
      for (const kind of KINDS) {
        for (const [other, make] of Object.entries(RESOURCES)) {
          if (other !== resource) expect(may(ACTORS[kind](ANNA), action, make(ANNA))).toBe(false);
        }
      }
    }
  });

  test("a member looks and publishes, and neither commands, renames others, reads the audit, nor makes sign-in links", () => {
    const member = ACTORS.register({ ...ANNA, role: "member" });
    expect(can(member, "fleet.see", { kind: "owner", root: ANNA.root })).toBe(true);
    expect(can(member, "audit.see", { kind: "owner", root: ANNA.root })).toBe(false);
    expect(can(member, "login_link.make", { kind: "hub", ownerRoots: [ANNA.root] })).toBe(false);
    const other = { kind: "device", deviceKey: "key-other", ownerRoots: [ANNA.root] } as const;
    expect(can(member, "device.command", other)).toBe(false);
    expect(can(ACTORS.register({ ...ANNA, role: "command" }), "device.command", other)).toBe(true);
    expect(
      can(ACTORS.attach({ ...ANNA, role: "command" }), "login_link.make", {
        kind: "hub",
        ownerRoots: [ANNA.root],
      }),
    ).toBe(false);
    expect(refusal(member, "audit.see", { kind: "owner", root: ANNA.root })).toContain('"forbidden"');
    expect(can(member, "device.rename", { ...other, deviceKey: ANNA.key })).toBe(true);
    expect(can(member, "device.rename", other)).toBe(false);
    expect(can(ACTORS.register({ ...ANNA, role: "command" }), "device.rename", other)).toBe(true);
  });

  test("a page without a controller's key looks and does not command", () => {
    const looking = { ...ACTORS.person(ANNA), controller: "none" } as Actor;
    expect(may(looking, "fleet.see", RESOURCES.owner(ANNA))).toBe(true);
    expect(may(looking, "device.command", RESOURCES.device(ANNA))).toBe(false);
  });

  test("another owner's controller makes no sign-in link for this hub", () => {
    for (const kind of KINDS)
      expect(may(ACTORS[kind](BERT), "login_link.make", RESOURCES.hub(ANNA))).toBe(false);
  });

  test("loopback is an address of this machine, not a text that looks like one", () => {
    const measure = (address: string): boolean =>
      can({ kind: "anonymous", address }, "hub.measure", { kind: "hub", ownerRoots: [] });
    for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
      expect(measure(address)).toBe(true);
    for (const address of [
      "192.0.2.1",
      "1127.0.0.1",
      "127.0.0.1.evil",
      "localhost",
      "",
      "::2",
      "128.0.0.1",
    ]) {
      expect(measure(address)).toBe(false);
    }
  });

  test.each([
    ["is shared reads its co-owner's log", "shared"],
    ["others were granted something of reads their log", "granted"],
  ] as const)("a device that %s, and has no other right to what is that owner's", (_, role) => {
    const shared = ACTORS.register({ ...ANNA, root: BERT.root, role });
    for (const { action, resource } of ROWS) {
      const theirs = RESOURCES[resource](BERT);
      expect([action, may(shared, action, theirs)]).toEqual([action, action === "log.read"]);
      // Nothing tells it from what is not there.
      if (action !== "log.read")
        expect(refusal(shared, action, theirs)).toBe(refusal(shared, action, undefined));
    }
    expect(followsLog(shared, BERT.root)).toBe(true);
    expect(followsLog(ACTORS.register(ANNA), BERT.root)).toBe(false);
  });

  test("who is in no row of a right may not have it", () => {
    for (const action of Object.keys(RIGHTS) as Action[]) {
      const { resource } = RIGHTS[action];
      for (const kind of KINDS.filter((one) => !kindsFor(action).includes(one))) {
        expect(may(ACTORS[kind](ANNA), action, RESOURCES[resource](ANNA))).toBe(false);
      }
    }
  });
});
