// Who may do what at a hub: the one authorization table, and the one function that reads it.
//
// A right has a row: the HTTP routes and message types that need it, the kind of resource it is about, and a
// rule for each kind of actor that may have it. Who is not in a row may not. `assertComplete` stops the
// program at start when a route or message has no row, so nothing is ever reachable by omission.
//
// A resource that is not there is `undefined`. It is refused exactly as one that is there and belongs to
// others: callers hand both to `demand` and let its text be the answer.
import { hasRole, isLoopbackAddress, rootsOf } from "./actors.ts";
import type { Actor, ActorKind, ActorOf, Resource, ResourceKind, ResourceOf } from "./actors.ts";
import type { CallKind } from "./call-open.ts";
import { MusterError } from "./errors.ts";
import type { ClientToHub } from "./messages.ts";
import type { GrantScope } from "./owner-log.ts";
import type { SessionPurpose } from "./session-open.ts";

type Rule<A extends ActorKind, R extends ResourceKind> = (
  actor: ActorOf<A>,
  resource: ResourceOf<R>,
) => boolean;

interface Right<R extends ResourceKind> {
  readonly resource: R;
  /** "METHOD /path", as the router spells it. */
  readonly routes?: readonly string[];
  readonly messages?: readonly ClientToHub["type"][];
  /** Streams that a client may open: towards a device by their purpose, calls by their kind. */
  readonly streams?: readonly (SessionPurpose | CallKind)[];
  readonly allow: { readonly [A in ActorKind]?: Rule<A, R> };
}

const always = (): boolean => true;

const everyone = {
  anonymous: always,
  operator: always,
  account: always,
  person: always,
  register: always,
  attach: always,
  program: always,
  guest: always,
} as const;

const fromThisMachine = (actor: ActorOf<"anonymous">): boolean => isLoopbackAddress(actor.address);
const ofOwner = (actor: Actor, owner: ResourceOf<"owner">): boolean => rootsOf(actor).includes(owner.root);
const commandsOwner = (actor: ActorOf<"register">, owner: ResourceOf<"owner">): boolean =>
  hasRole(actor.roles, owner.root, "command");
const commandsAny = (actor: ActorOf<"register" | "attach">, device: ResourceOf<"device">): boolean =>
  device.ownerRoots.some((root) => hasRole(actor.roles, root, "command"));
const administersAny = (actor: ActorOf<"register" | "attach">, device: ResourceOf<"device">): boolean =>
  device.ownerRoots.some((root) => hasRole(actor.roles, root, "admin"));
const administersHub = (actor: ActorOf<"register" | "attach">, hub: ResourceOf<"hub">): boolean =>
  hub.ownerRoots.some((root) => hasRole(actor.roles, root, "admin"));
const itself = (actor: ActorOf<"register">, thing: { readonly deviceKey: string }): boolean =>
  thing.deviceKey === actor.deviceKey;
const own = (actor: ActorOf<"person">, account: ResourceOf<"account">): boolean =>
  actor.userId === account.userId;
const hasScope =
  (...scopes: readonly GrantScope[]) =>
  (actor: ActorOf<"program">, owner: ResourceOf<"owner">): boolean =>
    actor.ownerRoot === owner.root && scopes.some((scope) => actor.scopes.includes(scope));
const amongThem = (actor: ActorOf<"person" | "guest">, pair: ResourceOf<"pair">): boolean =>
  pair.keys.includes(actor.key);
const sharesOwner = (actor: Actor, thing: { readonly ownerRoots: readonly string[] }): boolean =>
  thing.ownerRoots.some((root) => rootsOf(actor).includes(root));

export const RIGHTS = {
  /** What a hub shows to anyone who reaches it. */
  "hub.see": right("hub", {
    routes: [
      "GET /health",
      "GET /api/hub",
      "GET /*",
      "GET /access.js",
      "GET /install.sh",
      "GET /download/:name",
    ],
    allow: everyone,
  }),
  "hub.measure": right("hub", {
    routes: ["GET /metrics"],
    allow: { anonymous: fromThisMachine, operator: always },
  }),
  /** A TLS terminator on the same machine asks which host names get a certificate. */
  "names.check": right("hub", { routes: ["GET /api/tls/ask"], allow: { anonymous: fromThisMachine } }),
  /** The call itself proves who it is: by a link's secret, a word, a passkey. */
  "account.enter": right("hub", {
    routes: [
      "POST /api/login",
      "POST /api/sign-in",
      "POST /api/claim/offer",
      "POST /api/claim",
      "GET /api/auth/passkey/generate-authenticate-options",
      "POST /api/auth/passkey/verify-authentication",
    ],
    allow: { anonymous: always, account: always, person: always },
  }),
  "account.see": right("hub", {
    routes: ["GET /api/session"],
    allow: { anonymous: always, account: always, person: always },
  }),
  "account.leave": right("hub", {
    routes: ["POST /api/sign-out"],
    allow: { anonymous: always, account: always, person: always },
  }),
  /** How the account is entered: a cookie alone does not change that. */
  "account.change": right("account", {
    routes: [
      "POST /api/account",
      "GET /api/auth/passkey/generate-register-options",
      "POST /api/auth/passkey/verify-registration",
      "GET /api/auth/passkey/list-user-passkeys",
      "POST /api/auth/passkey/delete-passkey",
    ],
    allow: { person: own },
  }),
  /** A connection that will prove itself; the proof is in `register`. */
  "session.open": right("hub", {
    routes: ["GET /trunk", "GET /ws"],
    messages: ["register"],
    allow: { anonymous: always, account: always },
  }),
  "session.complain": right("hub", { messages: ["error"], allow: everyone }),
  /** The setup token's pin finds the log, and the signed entry is what decides. */
  "device.join": right("hub", {
    routes: [
      "POST /api/device/log",
      "POST /api/device/register",
      "POST /api/device/claim",
      "POST /api/device/code",
      "POST /api/device/token",
    ],
    allow: { anonymous: always },
  }),
  /** Into one's own fleet, and by the hub's word only: such a device takes no command. */
  "device.admit": right("owner", {
    routes: ["POST /api/device/lookup", "POST /api/device/decide", "POST /api/device/setup"],
    allow: { person: ofOwner },
  }),
  "device.report": right("device", {
    messages: [
      "device_state",
      "tunnel_taken",
      "tunnel_drop",
      "service_register",
      "service_state",
      "capabilities_update",
    ],
    allow: { register: itself },
  }),
  /**
   * A name leads to the device wherever the former led: its services have their hosts by it, where browsers keep what
   * belongs to them. So a member gives one to itself alone.
   */
  "device.rename": right("device", {
    messages: ["device_rename"],
    allow: {
      person: sharesOwner,
      register: (actor, device) =>
        sharesOwner(actor, device) && (itself(actor, device) || commandsAny(actor, device)),
      attach: sharesOwner,
    },
  }),
  /** A tunnel of one's own at the hub's provider: not for one that nobody has confirmed. */
  "device.link": right("device", {
    messages: ["tunnel_want"],
    allow: { register: (actor, device) => itself(actor, device) && sharesOwner(actor, device) },
  }),
  /** What a controller needs to let a device in that no log names yet. */
  "device.key": right("device", {
    messages: ["device_key_get"],
    allow: { register: administersAny, attach: administersAny },
  }),
  /** By the hub's own word, which a device survives; only an entry of the owner log takes its key. */
  "device.revoke": right("device", {
    routes: ["DELETE /api/devices/:id", "POST /api/devices/:id/tunnel/rotate"],
    messages: ["device_revoke", "device_rotate"],
    allow: {
      person: sharesOwner,
      register: (actor, device) => itself(actor, device) || administersAny(actor, device),
      attach: administersAny,
    },
  }),
  "device.see": right("device", {
    routes: ["GET /api/devices/:id/services"],
    allow: {
      person: sharesOwner,
      program: (actor, device) => actor.scopes.includes("read") && sharesOwner(actor, device),
    },
  }),
  "fleet.see": right("owner", {
    routes: ["GET /api/fleet", "GET /api/device/status", "GET /api/devices/by-capability"],
    messages: ["fleet_get", "fleet_watch"],
    allow: { person: ofOwner, register: ofOwner, attach: ofOwner, program: hasScope("read") },
  }),
  "audit.see": right("owner", {
    routes: ["GET /api/audit"],
    messages: ["audit_get"],
    allow: { person: ofOwner, register: commandsOwner, attach: ofOwner },
  }),
  /** One that is unconfirmed learns here that it no longer is. */
  "log.read": right("owner", {
    messages: ["log_get"],
    allow: {
      person: ofOwner,
      register: (actor, owner) => actor.roles.has(owner.root),
      attach: ofOwner,
    },
  }),
  /** The entry's own signature and scope decide whether it is taken. */
  "log.append": right("owner", {
    messages: ["log_append"],
    allow: { person: ofOwner, register: ofOwner, attach: ofOwner },
  }),
  "login_link.make": right("hub", {
    messages: ["login_link_make"],
    allow: { register: administersHub, attach: administersHub },
  }),
  "share.publish": right("share", {
    messages: ["share_publish", "share_remove", "share_state"],
    allow: { register: itself },
  }),
  /** Through the door of a share with access "login". */
  "share.enter": right("share", {
    routes: ["GET /access", "POST /api/access"],
    allow: { account: sharesOwner },
  }),
  /** The hub only hands on; the device decides by the signature and its own copy of the log. */
  "device.command": right("device", {
    messages: ["command"],
    allow: {
      person: (actor, device) => actor.controller === "command" && sharesOwner(actor, device),
      register: commandsAny,
      attach: commandsAny,
    },
  }),
  /** Whoever holds a key may pair it. What a pairing is worth is decided by the two, not here. */
  "pairing.run": right("hub", {
    messages: ["create_pairing", "join_pairing", "pairing_message", "end_pairing", "paired"],
    allow: { person: always, register: always, guest: always },
  }),
  /** What has come is this session's own: nobody can name another's. */
  "relay.take": right("hub", {
    messages: ["relay_ack"],
    allow: { person: always, register: always, guest: always },
  }),
  "relay.use": right("pair", {
    messages: ["send", "unpair"],
    allow: {
      person: amongThem,
      register: (actor, pair) => pair.keys.includes(actor.deviceKey),
      guest: amongThem,
    },
  }),
  /** A stream to a device, joined and not looked into; the device's own owner log decides what it is good for. */
  "device.reach": right("device", {
    streams: ["command", "log"],
    allow: {
      person: (actor, device) => actor.controller === "command" && sharesOwner(actor, device),
      register: commandsAny,
      attach: commandsAny,
    },
  }),
  /** A stream to a paired device, joined and not looked into; the device decides by its own pin. */
  "pair.reach": right("pair", {
    streams: ["file", "stream"],
    allow: {
      person: amongThem,
      register: (actor, pair) => pair.keys.includes(actor.deviceKey),
      guest: amongThem,
    },
  }),
  /** What an owner's devices offer. Each device decides by the signature inside what it answers. */
  "fleet.ask": right("owner", {
    streams: ["capability", "query"],
    allow: { person: ofOwner, register: ofOwner, attach: ofOwner },
  }),
  /** What each device lets the hub see by itself: nobody signs here. */
  "fleet.query": right("owner", {
    routes: ["GET /api/aggregate/tasks", "POST /api/query"],
    allow: { person: ofOwner, program: hasScope("read") },
  }),
  /**
   * By HTTP. What the key may use exactly, its owner's log says, and each device by its own copy. For a person the hub
   * asks by itself, which each device allows or not.
   */
  "models.use": right("owner", {
    routes: [
      "POST /v1/chat/completions",
      "POST /v1/completions",
      "POST /v1/responses",
      "POST /v1/embeddings",
      "GET /v1/models",
      "GET /v1/models/*",
    ],
    allow: { account: ofOwner, person: ofOwner, program: hasScope("models", "capabilities") },
  }),
  "capability.use": right("owner", {
    routes: ["POST /api/capabilities/:protocol"],
    allow: { account: ofOwner, person: ofOwner, program: hasScope("models", "capabilities") },
  }),
  /** Only the device that was asked can answer. */
  "command.answer": right("command", { messages: ["command_outcome"], allow: { register: itself } }),
} as const;

export type Action = keyof typeof RIGHTS;
export type ResourceFor<A extends Action> = ResourceOf<(typeof RIGHTS)[A]["resource"]>;

/** Whether this actor has this right to this resource; never for a resource that is not there. */
export function can<A extends Action>(
  actor: Actor,
  action: A,
  resource: ResourceFor<A> | undefined,
): boolean {
  if (resource === undefined) return false;
  const row: { resource: ResourceKind; allow: Partial<Record<ActorKind, unknown>> } = RIGHTS[action];
  const rule = row.allow[actor.kind];
  if (rule === undefined || resource.kind !== row.resource) return false;
  // The table's own type ties each rule to the kind of its actor and of its row's resource: both were compared.
  return (rule as (actor: Actor, resource: Resource) => boolean)(actor, resource);
}

/** The resource, or the refusal to answer with. One text for "not there" and for "not yours". */
export function demand<A extends Action, R extends ResourceFor<A>>(
  actor: Actor,
  action: A,
  resource: R | undefined,
): R {
  if (resource !== undefined && can(actor, action, resource)) return resource;
  throw refusal(actor, action, resource);
}

/** The kinds of actor that a right can belong to at all. */
export function kindsFor(action: Action): readonly ActorKind[] {
  // A row's own keys are actor kinds by its type.
  return Object.keys(RIGHTS[action].allow) as ActorKind[];
}

export interface Row {
  readonly by: "route" | "message" | "stream";
  /** "GET /api/fleet", a message's type, or a stream's purpose. */
  readonly name: string;
  readonly action: Action;
  readonly resource: ResourceKind;
  readonly kinds: readonly ActorKind[];
}

/** One row per route, message type and purpose of a stream. Tests of handlers walk this list. */
export function everyRow(): Row[] {
  return Object.entries(RIGHTS).flatMap(([name, entry]) => {
    // Object.entries forgets that the names are the table's own.
    const action = name as Action;
    const {
      resource,
      routes = [],
      messages = [],
      streams = [],
    }: Right<ResourceKind> = entry as Right<ResourceKind>;
    const kinds = kindsFor(action);
    return [
      ...routes.map((route): Row => ({ by: "route", name: route, action, resource, kinds })),
      ...messages.map((type): Row => ({ by: "message", name: type, action, resource, kinds })),
      ...streams.map((purpose): Row => ({ by: "stream", name: purpose, action, resource, kinds })),
    ];
  });
}

/** Throws when a route, a message type or a stream's purpose has no row, or more than one. Called once, before anything listens. */
export function assertComplete(served: {
  routes: readonly string[];
  messages: readonly string[];
  streams?: readonly string[];
}): void {
  const rows = everyRow();
  const problems: string[] = [];
  for (const [by, names] of [
    ["route", served.routes],
    ["message", served.messages],
    ["stream", served.streams ?? []],
  ] as const) {
    for (const name of names) {
      const found = rows.filter((row) => row.by === by && row.name === name).length;
      if (found !== 1) problems.push(`${by} "${name}" has ${found} rows`);
    }
  }
  if (problems.length > 0) throw new Error(`the authorization table is not complete: ${problems.join(", ")}`);
}

function right<R extends ResourceKind>(resource: R, row: Omit<Right<R>, "resource">): Right<R> {
  return { resource, ...row };
}

function refusal(actor: Actor, action: Action, resource: Resource | undefined): MusterError {
  if (!kindsFor(action).includes(actor.kind)) {
    return actor.kind === "anonymous"
      ? new MusterError("unauthorized", "not signed in", { hint: "sign in and try again" })
      : new MusterError("forbidden", "this session may not do that");
  }
  if (resource !== undefined && sees(actor, resource)) {
    return new MusterError("forbidden", "this key may not do that", {
      hint: "a controller of this owner may",
    });
  }
  return new MusterError("not_found", "there is no such thing here");
}

// Whether being told "forbidden" tells the actor nothing it may not know.
function sees(actor: Actor, resource: Resource): boolean {
  switch (resource.kind) {
    case "hub":
      return true;
    case "owner":
      return ofOwner(actor, resource);
    case "device":
    case "share":
      return sharesOwner(actor, resource);
    case "account":
    case "command":
    case "pair":
      return false;
  }
}
