// Who comes to a hub, and what they may want something of: the two sides of each row of the authorization table.
import type { GrantScope } from "./owner-log.ts";

/**
 * What a key may do in one owner log; `admin` includes `command`. `shared`: a device of another owner, commanded by
 * this one too; it reads the log, and sees nothing else. `granted`: one that lets those of this log use something of it;
 * the same.
 */
export type Role = "unconfirmed" | "shared" | "granted" | "member" | "command" | "admin";

/** Keys are base64url, owner roots as in the owner log. */
export type Actor =
  /** Nobody yet. `address` is the proven source of the connection, never a header's. */
  | { readonly kind: "anonymous"; readonly address: string }
  /** Someone with the configured metrics token. */
  | { readonly kind: "operator" }
  /** A cookie and nothing else: no key has been proved. */
  | { readonly kind: "account"; readonly userId: string; readonly ownerRoots: readonly string[] }
  /** A page whose own key has been proved, and the account that is signed in there. */
  | {
      readonly kind: "person";
      readonly userId: string;
      readonly key: string;
      readonly ownerRoots: readonly string[];
      readonly controller: "none" | "command";
    }
  /** A device. `roles` by owner root. */
  | {
      readonly kind: "register";
      readonly deviceKey: string;
      readonly deviceId: string;
      readonly roles: ReadonlyMap<string, Role>;
    }
  /** A client with a controller key. */
  | { readonly kind: "attach"; readonly key: string; readonly roles: ReadonlyMap<string, Role> }
  /** A program with a key that an owner log names. It uses what its scopes say, and commands nothing. */
  | {
      readonly kind: "program";
      readonly key: string;
      readonly ownerRoot: string;
      readonly scopes: readonly GrantScope[];
      /** Of the scope `capabilities`: protocols; null is all. */
      readonly capabilities: readonly string[] | null;
    }
  /** A key that is enrolled nowhere. */
  | { readonly kind: "guest"; readonly key: string };

export type ActorKind = Actor["kind"];
export type ActorOf<Kind extends ActorKind> = Extract<Actor, { kind: Kind }>;

export type Resource =
  /** The hub itself; `ownerRoots` are those of the home that began it. */
  | { readonly kind: "hub"; readonly ownerRoots: readonly string[] }
  /** One owner's things as a whole: fleet, audit, log. */
  | { readonly kind: "owner"; readonly root: string }
  | { readonly kind: "account"; readonly userId: string }
  | { readonly kind: "device"; readonly deviceKey: string; readonly ownerRoots: readonly string[] }
  | { readonly kind: "share"; readonly deviceKey: string; readonly ownerRoots: readonly string[] }
  /** A command that waits for the outcome of the device that was asked. */
  | { readonly kind: "command"; readonly deviceKey: string }
  /** Two keys that have pinned each other, and what waits between them. */
  | { readonly kind: "pair"; readonly keys: readonly string[] };

export type ResourceKind = Resource["kind"];
export type ResourceOf<Kind extends ResourceKind> = Extract<Resource, { kind: Kind }>;

/** The address ends on this machine: 127/8, ::1, or the former written as IPv6. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address);
}

const LOOKS_AT: ReadonlySet<Role> = new Set(["member", "command", "admin"]);
const READS_LOG: ReadonlySet<Role | undefined> = new Set(["shared", "granted"]);

/** Whether what is new in this owner's log is told to the actor unasked. */
export function followsLog(actor: Actor, root: string): boolean {
  if (rootsOf(actor).includes(root)) return true;
  return actor.kind === "register" && READS_LOG.has(actor.roles.get(root));
}

/** Whose things this actor may look at. */
export function rootsOf(actor: Actor): readonly string[] {
  switch (actor.kind) {
    case "account":
    case "person":
      return actor.ownerRoots;
    case "register":
    case "attach":
      return [...actor.roles].filter(([, role]) => LOOKS_AT.has(role)).map(([root]) => root);
    case "program":
      return [actor.ownerRoot];
    case "anonymous":
    case "operator":
    case "guest":
      return [];
  }
}

/** `admin` includes `command`. */
export function hasRole(roles: ReadonlyMap<string, Role>, root: string, least: "command" | "admin"): boolean {
  const role = roles.get(root);
  return role === "admin" || role === least;
}
