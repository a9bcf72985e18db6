// Names that people choose. Devices and shares share the hub's one space of host names, since each becomes a
// DNS label; two hyphens in a row are refused, so that "service--device" can only be read one way.

import { MusterError } from "./errors.ts";

export const HOST_NAME_MIN = 2;
export const HOST_NAME_MAX = 30;
export const USER_NAME_MIN = 3;
export const USER_NAME_MAX = 32;

const GRAMMAR = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * Never given out: the hub's own hosts and paths, names that browsers, mail and certificate software look up
 * by themselves (RFC 2142, WPAD, autodiscover, MTA-STS, ISATAP), and names a visitor would take for the hub's.
 */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(
  `www api hub admin administrator muster localhost local localdomain xn p d s
  mail smtp imap pop3 mx webmail ftp ssh dns ns1 ns2
  login logout signin signup auth oauth oidc sso account accounts password security
  wpad autodiscover autoconfig mta-sts isatap broadcasthost
  abuse hostmaster postmaster webmaster root ssladmin sysadmin noc`
    .trim()
    .split(/\s+/),
);

/** Why a text is no host name, in words; undefined when it is one. Reserved names are none. */
export function hostNameProblem(text: string): string | undefined {
  if (text.length < HOST_NAME_MIN || text.length > HOST_NAME_MAX) {
    return `must have ${HOST_NAME_MIN} to ${HOST_NAME_MAX} characters`;
  }
  return grammarProblem(text) ?? (RESERVED_NAMES.has(text) ? "is reserved" : undefined);
}

/** Why a text is no user name, in words; undefined when it is one. */
export function userNameProblem(text: string): string | undefined {
  if (text.length < USER_NAME_MIN || text.length > USER_NAME_MAX) {
    return `must have ${USER_NAME_MIN} to ${USER_NAME_MAX} characters`;
  }
  return grammarProblem(text) ?? (RESERVED_NAMES.has(text) ? "is reserved" : undefined);
}

export function isHostName(text: string): boolean {
  return hostNameProblem(text) === undefined;
}

export function isUserName(text: string): boolean {
  return userNameProblem(text) === undefined;
}

/** What a device calls a port of its own, in its configuration too. Not all of them are host names. */
export function isServiceName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/.test(text);
}

/** Throws `invalid` with the reason. */
export function checkHostName(text: string): void {
  const problem = hostNameProblem(text);
  if (problem !== undefined) throw new MusterError("invalid", `the name "${text.slice(0, 64)}" ${problem}`);
}

/**
 * A host name made of a folder's or machine's name: lower case, everything else to hyphens, trimmed. A reserved
 * one counts as taken ("api" → "api-2"). Undefined when nothing usable is left.
 */
export function nameFromFolder(text: string): string | undefined {
  const hyphenated = text
    .slice(0, 1024)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^-/, "");
  const name = hyphenated.slice(0, HOST_NAME_MAX).replace(/-$/, "");
  if (name.length < HOST_NAME_MIN) return undefined;
  return RESERVED_NAMES.has(name) ? numbered(name, 2) : name;
}

/** The n-th name to try when one is taken: "blog", 2 → "blog-2", shortened where it would not fit. */
export function numbered(name: string, n: number): string {
  const suffix = `-${n}`;
  return name.slice(0, HOST_NAME_MAX - suffix.length).replace(/-$/, "") + suffix;
}

/** Whether `name` is `base` or what `numbered` makes of it. */
export function isNumberedFrom(base: string, name: string): boolean {
  if (name === base) return true;
  const n = /-([1-9][0-9]{0,5})$/.exec(name)?.[1];
  return n !== undefined && Number(n) >= 2 && numbered(base, Number(n)) === name;
}

function grammarProblem(text: string): string | undefined {
  if (!/^[a-z0-9-]*$/.test(text)) return "may only hold a-z, 0-9 and hyphens";
  if (!GRAMMAR.test(text)) return "must begin and end with a letter or digit";
  return text.includes("--") ? "may not hold two hyphens in a row" : undefined;
}
