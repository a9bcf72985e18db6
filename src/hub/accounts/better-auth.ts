// The few things that accounts need of better-auth, and the only file that knows how they are called there.
import type { AccountSession, Entered } from "./accounts.ts";
import { type AccountsOptions, betterAuthOptions } from "./better-auth-options.ts";

export interface BetterAuth {
  handler(request: Request): Promise<Response>;
  readSession(headers: Headers): Promise<AccountSession | undefined>;
  hasUsers(): Promise<boolean>;
  /** Rejects with the database's own error when the address is taken. */
  createUser(user: { name: string; email: string }): Promise<string>;
  removeUser(userId: string): Promise<void>;
  nameOf(userId: string): Promise<string | undefined>;
  rename(userId: string, user: { name: string; email: string }): Promise<void>;
  beginSession(userId: string, headers: Headers): Promise<Entered | undefined>;
  signIn(credentials: { email: string; password: string }, headers: Headers): Promise<Entered | undefined>;
  signOut(headers: Headers): Promise<string[]>;
  passwordHash(userId: string): Promise<string | undefined>;
  keepPassword(userId: string, hash: string): Promise<void>;
  endOtherSessions(userId: string, cookieValue: string | undefined): Promise<void>;
  countPasskeys(userId: string): Promise<number>;
}

export async function loadBetterAuth(options: AccountsOptions): Promise<BetterAuth> {
  const [
    { betterAuth },
    { createAuthEndpoint, isAPIError },
    { setSessionCookie },
    { getMigrations },
    { passkey },
    z,
  ] = await Promise.all([
    import("better-auth"),
    import("better-auth/api"),
    import("better-auth/cookies"),
    import("better-auth/db/migration"),
    import("@better-auth/passkey"),
    import("zod"),
  ]);

  // Begins a session for whom the hub has already let in. It has no path: nothing from outside reaches it.
  const enter = createAuthEndpoint.serverOnly(
    { method: "POST", body: z.object({ userId: z.string() }) },
    async (ctx) => {
      const { internalAdapter } = ctx.context;
      const user = await internalAdapter.findUserById(ctx.body.userId);
      if (user === null) return ctx.json({ user: null });
      const session = await internalAdapter.createSession(user.id);
      await setSessionCookie(ctx, { session, user });
      return ctx.json({ user: { id: user.id, name: user.name } });
    },
  );

  const { hostname } = new URL(options.pageOrigin);
  const settings = {
    ...betterAuthOptions(options),
    plugins: [
      { id: "muster-enter", endpoints: { enter } },
      passkey({
        rpID: hostname,
        rpName: `Muster at ${hostname}`,
        origin: options.pageOrigin,
        registration: { requireSession: true },
        schema: { passkey: { modelName: "account_passkeys" } },
      }),
    ],
  };
  // One process makes the tables, the others find them there: the transaction holds the write lock throughout.
  await options.db.transaction().execute(async (db) => {
    const { runMigrations } = await getMigrations({ ...settings, database: { db, type: "sqlite" } });
    await runMigrations();
  });
  const auth = betterAuth(settings);
  const { internalAdapter, adapter } = await auth.$context;

  return {
    handler: (request) => auth.handler(request),

    async readSession(headers) {
      const found = await auth.api.getSession({ headers });
      return found === null ? undefined : { userId: found.user.id, name: found.user.name };
    },

    async hasUsers() {
      return (await internalAdapter.countTotalUsers()) > 0;
    },

    async createUser(user) {
      const { id } = await internalAdapter.createUser({ ...user, emailVerified: false }, { method: "admin" });
      return id;
    },

    async nameOf(userId) {
      return (await internalAdapter.findUserById(userId))?.name;
    },

    removeUser: (userId) => internalAdapter.deleteUser(userId),

    async rename(userId, user) {
      await internalAdapter.updateUser(userId, user);
    },

    async beginSession(userId, headers) {
      const { response, headers: answered } = await auth.api.enter({
        body: { userId },
        headers,
        returnHeaders: true,
      });
      return entered(response.user, answered);
    },

    async signIn(body, headers) {
      try {
        const { response, headers: set } = await auth.api.signInEmail({ body, headers, returnHeaders: true });
        return entered(response.user, set);
      } catch (error) {
        if (isAPIError(error) && error.statusCode < 500) return undefined;
        throw error;
      }
    },

    async signOut(headers) {
      const { headers: answered } = await auth.api.signOut({ headers, returnHeaders: true });
      return answered.getSetCookie();
    },

    async passwordHash(userId) {
      return (await internalAdapter.findCredentialAccount(userId))?.password ?? undefined;
    },

    async keepPassword(userId, hash) {
      const known = await internalAdapter.findCredentialAccount(userId);
      if (known !== null) return internalAdapter.updatePassword(userId, hash);
      await internalAdapter.linkAccount({
        userId,
        providerId: "credential",
        accountId: userId,
        password: hash,
      });
    },

    async endOtherSessions(userId, cookieValue) {
      const sessions = await internalAdapter.listSessions(userId);
      const others = sessions.filter(({ token }) => cookieValue?.startsWith(`${token}.`) !== true);
      if (others.length > 0) await internalAdapter.deleteSessions(others.map(({ token }) => token));
    },

    countPasskeys: (userId) =>
      adapter.count({ model: "passkey", where: [{ field: "userId", value: userId }] }),
  };
}

function entered(user: { id: string; name: string } | null, headers: Headers): Entered | undefined {
  if (user === null) return undefined;
  return { session: { userId: user.id, name: user.name }, cookies: headers.getSetCookie() };
}
