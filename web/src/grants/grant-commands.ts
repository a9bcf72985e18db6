// The commands that make a key or a grant, and take one back: writing the log takes the scope admin, which no browser
// has. Each is for a shell, so whatever is no plain word is quoted, or named by its id.
import { isProtocol } from "../../../src/protocol/capability-words.ts";
import { grantName, isOwnerId, type GrantScope } from "../../../src/protocol/owner-log.ts";
import { shellWord } from "../../../src/protocol/shell-word.ts";
import type { ShownGrant } from "./grant-book.ts";

/** As `--expires` takes them; the empty one is without it. */
export const ENDS = {
  "1d": "after a day",
  "7d": "after a week",
  "30d": "after 30 days",
  "90d": "after 90 days",
  "366d": "after a year",
  "": "never",
} as const;
export type Ends = keyof typeof ENDS;

export interface KeyWish {
  name: string;
  scopes: readonly GrantScope[];
  /** Of the scope capabilities; none is all. */
  capabilities: readonly string[];
  ends: Ends;
}

export interface LoanWish {
  device: { id: string; name: string };
  capabilities: readonly string[];
  /** An owner's id, or the name of a paired device. */
  to: string;
  /** What to call that owner. */
  as: string;
  ends: Ends;
}

export function keyCommand({ name, scopes, capabilities, ends }: KeyWish): string {
  const words = scopes.map((scope) =>
    scope === "capabilities" && capabilities.length > 0 ? `${scope}:${capabilities.join(",")}` : scope,
  );
  return `muster key create ${shellWord(name)} --scope ${words.join(" ")}${endOf(ends)}`;
}

export function loanCommand({ device, capabilities, to, as, ends }: LoanWish): string {
  const called = isOwnerId(to) && as !== "" ? ` --as ${shellWord(as)}` : "";
  const whom = shellWord(to);
  // An id may begin like an option.
  const toWhom = whom.startsWith("-") ? `--to=${whom}` : `--to ${whom}`;
  const on = isPlain(device.name) ? device.name : device.id;
  return `muster grant ${on} --capability ${capabilities.join(" ")} ${toWhom}${called}${endOf(ends)}`;
}

/** Takes back all that its holder has; named in a way that fits no other one. */
export function revokeCommand({ id, name }: ShownGrant, all: readonly ShownGrant[]): string {
  const isAlone = all.every((one) => one.id === id || one.name !== name);
  const whom = isAlone && isPlain(name) ? name : id;
  return `muster revoke ${whom.startsWith("-") ? `-- ${whom}` : whom}`;
}

/** Why it is no name for a key or an owner, in words; undefined when it is one, or nothing yet. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return undefined;
  if (name.startsWith("-")) return "A name does not begin with a dash.";
  return grantName.safeParse(name).success
    ? undefined
    : "A name has at most 64 characters, and none that can’t be seen.";
}

/** Of what somebody typed as a list of them. */
export function readProtocols(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((word) => word !== ""))];
}

/** The first of them that is none, in words. */
export function wrongProtocol(text: string): string | undefined {
  const wrong = readProtocols(text).find((word) => !isProtocol(word));
  return wrong === undefined ? undefined : `“${wrong}” names no capability.`;
}

function endOf(ends: Ends): string {
  return ends === "" ? "" : ` --expires ${ends}`;
}

function isPlain(text: string): boolean {
  return /^[\w.@][\w.@-]*$/.test(text);
}
