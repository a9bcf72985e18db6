// The `Accounts` port on better-auth. It is loaded at the first call that needs it: loading takes longer than
// everything else a hub does before it listens, and most hubs start without anyone signing in.
import { MusterError } from "../../protocol/errors.ts";
import { userNameProblem } from "../../protocol/names.ts";
import { isUniqueViolation } from "../../store/sqlite-errors.ts";
import type { Accounts, AccountSession, Entered } from "./accounts.ts";
import { loadBetterAuth } from "./better-auth.ts";
import {
  type AccountsOptions,
  AUTH_PATH,
  cookieName,
  OPEN_PATHS,
  USERS_TABLE,
  VISITOR_HEADER,
} from "./better-auth-options.ts";
import { passwordProblem } from "./password-rules.ts";
import { SessionCache } from "./session-cache.ts";
import { WorkGate } from "./work-gate.ts";

/** Each argon2id run takes tens of MiB and a core: a crowd at the door must not become the hub's whole memory. */
const HASHES_AT_ONCE = 2;
const HASHES_WAITING_MAX = 20;

export function createAccounts(options: AccountsOptions): Accounts {
  const cookie = cookieName(options.hubId);
  const cache = new SessionCache(options.clock);
  const gate = new WorkGate({ atOnce: HASHES_AT_ONCE, waitingMax: HASHES_WAITING_MAX });
  // Who is signed in, and by which word, is still so when another word is kept.
  const changes = new WorkGate({ atOnce: 1, waitingMax: HASHES_WAITING_MAX });
  const load = once(() => loadBetterAuth(options));

  async function sessionOf(request: Request): Promise<AccountSession | undefined> {
    const value = cookieValue(request, cookie);
    if (value === undefined) return undefined;
    const kept = cache.find(value);
    if (kept !== undefined) return kept;
    const { generation } = cache;
    const auth = await load();
    const found = await auth.readSession(onlyCookie(cookie, value));
    if (found === undefined) return undefined;
    cache.keep(value, found, generation);
    return found;
  }

  async function setPassword(
    request: Request,
    change: { name: string; password: string; currentPassword?: string },
  ): Promise<AccountSession> {
    const session = await sessionOf(request);
    if (session === undefined) throw new MusterError("unauthorized", "not signed in");
    const { name, password, currentPassword } = change;
    checkName(name);
    checkPassword(password, name);
    const auth = await load();
    const held = await auth.passwordHash(session.userId);
    await gate.run(async () => {
      if (held !== undefined && !(await options.hasher.verify(currentPassword ?? "", held))) {
        throw new MusterError("forbidden", "the current password is another one");
      }
      const hash = await options.hasher.hash(password);
      await taken(name, () => auth.rename(session.userId, { name, email: emailOf(name) }));
      await auth.keepPassword(session.userId, hash);
    });
    await auth.endOtherSessions(session.userId, cookieValue(request, cookie));
    cache.clear();
    return { userId: session.userId, name };
  }

  return {
    sessionOf,
    setPassword: (request, change) => changes.run(() => setPassword(request, change)),

    async handler(request, visitor) {
      const path = new URL(request.url).pathname.slice(AUTH_PATH.length);
      if (OPEN_PATHS.get(path)?.method !== request.method) return undefined;
      const auth = await load();
      const response = await auth.handler(fromVisitor(request, visitor));
      // A key may have been added or removed, or a session begun.
      if (request.method === "POST") cache.clear();
      return response;
    },

    // Asked at every start, and then most often of a hub that nobody has signed in to yet.
    async hasUsers() {
      const tables = await options.db.introspection.getTables();
      return tables.some(({ name }) => name === USERS_TABLE) && (await load()).hasUsers();
    },

    async createOwner(name, password) {
      checkName(name);
      if (password !== undefined) checkPassword(password, name);
      const auth = await load();
      const userId = await taken(name, () => auth.createUser({ name, email: emailOf(name) }));
      if (password === undefined) return { userId, name };
      try {
        await gate.run(async () => auth.keepPassword(userId, await options.hasher.hash(password)));
      } catch (error) {
        await auth.removeUser(userId);
        throw error;
      }
      return { userId, name };
    },

    async discard(userId) {
      await (await load()).removeUser(userId);
      cache.clear();
    },

    async signIn(userId, visitor): Promise<Entered> {
      const auth = await load();
      const entered = await auth.beginSession(userId, headersOf(visitor));
      if (entered === undefined) throw new MusterError("not_found", "there is no such account");
      return entered;
    },

    async signInWithPassword({ name, password, visitor }) {
      const auth = await load();
      return gate.run(() => auth.signIn({ email: emailOf(name), password }, headersOf(visitor)));
    },

    async nameOf(userId) {
      return (await load()).nameOf(userId);
    },

    async waysIn(userId) {
      const auth = await load();
      const [hash, passkeys] = await Promise.all([auth.passwordHash(userId), auth.countPasskeys(userId)]);
      return { hasPassword: hash !== undefined, passkeys };
    },

    async signOut(request) {
      const value = cookieValue(request, cookie);
      if (value === undefined) return [];
      const auth = await load();
      const cleared = await auth.signOut(onlyCookie(cookie, value));
      cache.clear();
      return cleared;
    },
  };
}

/** better-auth wants an address where we want a name: this one leads nowhere (RFC 6761) and is never shown. */
function emailOf(name: string): string {
  return `${encodeURIComponent(name.slice(0, 64).toLowerCase()).replaceAll("%", "_")}@account.invalid`;
}

function checkName(name: string): void {
  const problem = userNameProblem(name);
  if (problem !== undefined) throw new MusterError("invalid", `the account's name ${problem}`);
}

function checkPassword(password: string, name: string): void {
  const problem = passwordProblem(password, name);
  if (problem !== undefined) throw new MusterError("invalid", `the password ${problem}`);
}

async function taken<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new MusterError("name_taken", `the account name "${name}" is taken`, {
      hint: "choose another name",
    });
  }
}

/** The session cookie alone: whatever else a request carries, better-auth does not see it. */
function onlyCookie(name: string, value: string): Headers {
  return new Headers({ cookie: `${name}=${value}` });
}

function headersOf(visitor: string): Headers {
  return new Headers({ [VISITOR_HEADER]: visitor });
}

function fromVisitor(request: Request, visitor: string): Request {
  const copy = new Request(request);
  copy.headers.set(VISITOR_HEADER, visitor);
  return copy;
}

/** Undefined when it is missing, or there twice: then it is not said which one was meant. */
function cookieValue(request: Request, name: string): string | undefined {
  const found = (request.headers.get("cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  const [only] = found;
  if (only === undefined || found.length > 1 || only.length > 1024) return undefined;
  return only.slice(name.length + 1);
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      // The next caller tries again: a full disk at the first sign-in is no reason for none ever after.
      made = undefined;
      throw error;
    });
    return made;
  };
}
