// better-auth, set up with only what the hub uses: accounts and sessions as rows, words hashed by our own
// hasher, passkeys. Everything else it could answer is closed, by name and by `OPEN_PATHS`.
import type { BetterAuthOptions } from "better-auth";
import type { Kysely } from "kysely";
import { hkdfSync } from "node:crypto";
import type { Secret } from "../../identity/secret.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { Log } from "../../protocol/log.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Clock } from "../../world/world.ts";
import type { PasswordHasher } from "./accounts.ts";

/** Set by the edge from the connection itself; what a client sends under this name is dropped. */
export const VISITOR_HEADER = "muster-visitor";

export const USERS_TABLE = "account_users";

export const AUTH_PATH = "/api/auth";

export const PASSWORD_MIN_LENGTH = 10;
export const PASSWORD_MAX_LENGTH = 256;

/** A person signs in again after this, as a browser's key then has to be admitted again too. */
const SESSION_DAYS = 30;
const DAY_SECONDS = 86_400;

export interface AccountsOptions {
  db: Kysely<HubDatabase>;
  /** Scheme, host and port of the page, the only place where the cookie is worth anything. */
  pageOrigin: string;
  /** The cookie is named after it, so that two hubs on one machine do not take each other's. */
  hubId: string;
  /** At least 32 bytes that are not in the database: a key derived from them signs the cookies. */
  secret: Secret<Uint8Array>;
  hasher: PasswordHasher;
  clock: Pick<Clock, "monotonic">;
  log: Log;
}

/** Of the paths below `AUTH_PATH`, those that the page calls by itself, and the right that each takes. */
export const OPEN_PATHS: ReadonlyMap<string, OpenPath> = new Map([
  ["/passkey/generate-authenticate-options", { method: "GET", right: "account.enter" }],
  ["/passkey/verify-authentication", { method: "POST", right: "account.enter" }],
  ["/passkey/generate-register-options", { method: "GET", right: "account.change" }],
  ["/passkey/verify-registration", { method: "POST", right: "account.change" }],
  ["/passkey/list-user-passkeys", { method: "GET", right: "account.change" }],
  ["/passkey/delete-passkey", { method: "POST", right: "account.change" }],
]);

interface OpenPath {
  method: "GET" | "POST";
  right: "account.enter" | "account.change";
}

/** What better-auth would answer besides: closed here too, should it ever be mounted without our own gate. */
const CLOSED_PATHS = [
  "/ok",
  "/error",
  "/get-session",
  "/list-sessions",
  "/update-session",
  "/revoke-session",
  "/revoke-sessions",
  "/revoke-other-sessions",
  "/sign-up/email",
  "/sign-in/email",
  "/sign-in/social",
  "/sign-out",
  "/update-user",
  "/delete-user",
  "/delete-user/callback",
  "/change-email",
  "/change-password",
  "/verify-password",
  "/request-password-reset",
  "/reset-password",
  "/send-verification-email",
  "/verify-email",
  "/list-accounts",
  "/link-social",
  "/unlink-account",
  "/get-access-token",
  "/refresh-token",
  "/account-info",
  "/passkey/update-passkey",
];

export function cookieName(hubId: string): string {
  return `__Host-muster-${hubId.replaceAll("-", "").slice(0, 8)}`;
}

export function betterAuthOptions(options: AccountsOptions): Omit<BetterAuthOptions, "plugins"> {
  const { db, pageOrigin, hubId, secret, hasher, log } = options;
  // On loopback nothing links to the page from elsewhere, so the strictest cookie costs nobody anything.
  const sameSite = isLoopbackOrigin(pageOrigin) ? "strict" : "lax";
  const attributes = { secure: true, httpOnly: true, sameSite, path: "/" } as const;
  return {
    appName: "Muster",
    baseURL: pageOrigin,
    basePath: AUTH_PATH,
    secret: cookieSecret(secret),
    database: { db, type: "sqlite" },
    telemetry: { enabled: false },
    trustedOrigins: [pageOrigin],
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_MIN_LENGTH,
      maxPasswordLength: PASSWORD_MAX_LENGTH,
      password: {
        hash: (word) => hasher.hash(word),
        verify: ({ hash, password }) => hasher.verify(password, hash),
      },
    },
    user: { modelName: USERS_TABLE },
    account: { modelName: "account_ways", accountLinking: { enabled: false } },
    verification: { modelName: "account_verifications" },
    session: {
      modelName: "account_sessions",
      expiresIn: SESSION_DAYS * DAY_SECONDS,
      disableSessionRefresh: true,
      cookieCache: { enabled: false },
    },
    advanced: {
      // The prefix `__Host-` is part of the names below; better-auth's own would put `__Secure-` before it.
      useSecureCookies: false,
      cookiePrefix: cookieName(hubId),
      cookies: { session_token: { name: cookieName(hubId), attributes } },
      defaultCookieAttributes: attributes,
      ipAddress: { ipAddressHeaders: [VISITOR_HEADER] },
      disableOriginCheck: false,
      disableCSRFCheck: false,
    },
    rateLimit: { enabled: true, window: 60, max: 60, storage: "memory" },
    disabledPaths: CLOSED_PATHS,
    logger: {
      disabled: false,
      level: "warn",
      log: (level, message) => log[level]("accounts said", { message }),
    },
  };
}

/** The hub's secret serves other ends too, so the accounts get a key of their own. */
function cookieSecret(secret: Secret<Uint8Array>): string {
  const key = hkdfSync("sha256", secret.reveal(), new Uint8Array(), "muster/v1/accounts", 32);
  return toBase64Url(new Uint8Array(key));
}

function isLoopbackOrigin(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "127.0.0.1";
}
