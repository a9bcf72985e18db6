// Accounts of people, as the rest of the hub sees them. What keeps them (better-auth) stands behind this port,
// so that no other file knows its tables, its cookies or its release schedule.

/** Who a cookie says is there. It lets a person look; commanding takes a key. */
export interface AccountSession {
  userId: string;
  /** The name that the person goes by, and signs in with once there is a password. */
  name: string;
}

/** How an account can be entered again. */
export interface SignInWays {
  hasPassword: boolean;
  passkeys: number;
}

/** An account was entered: who it is, and the `Set-Cookie` values that say so. */
export interface Entered {
  session: AccountSession;
  cookies: string[];
}

/** How chosen words are kept: argon2id in the program, something quick in tests. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(password: string, hash: string): Promise<boolean>;
}

export interface Accounts {
  /** Answers the few calls below `/api/auth/` that the page makes by itself (passkeys); else undefined. */
  handler(request: Request, visitor: string): Promise<Response | undefined>;
  sessionOf(request: Request): Promise<AccountSession | undefined>;
  hasUsers(): Promise<boolean>;
  /** A new account; without a password it has no way in but `signIn`. Throws `name_taken`, `invalid`. */
  createOwner(name: string, password?: string): Promise<AccountSession>;
  /** Takes back an account that was made just now and came to nothing. */
  discard(userId: string): Promise<void>;
  /** Begins a session: the caller has made sure who it is. Throws `not_found`. */
  signIn(userId: string, visitor: string): Promise<Entered>;
  /** Undefined for an unknown name as for a wrong word, after the same work. Throws `too_many` when busy. */
  signInWithPassword(credentials: {
    name: string;
    password: string;
    visitor: string;
  }): Promise<Entered | undefined>;
  nameOf(userId: string): Promise<string | undefined>;
  waysIn(userId: string): Promise<SignInWays>;
  /**
   * Sets name and password of the account that is signed in; with a password set before, `currentPassword`
   * must be it (`forbidden`). Its other sessions end. Throws `name_taken`, `invalid`.
   */
  setPassword(
    request: Request,
    change: { name: string; password: string; currentPassword?: string },
  ): Promise<AccountSession>;
  /** Ends the session of this request, if there is one; returns the `Set-Cookie` values that clear it. */
  signOut(request: Request): Promise<string[]>;
}
