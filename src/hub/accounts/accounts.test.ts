import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "../../identity/secret.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { HUB_MIGRATIONS } from "../../store/hub-migrations.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { openStore, type Store } from "../../store/open-store.ts";
import { realWorld } from "../../world/real.ts";
import type { Accounts, PasswordHasher } from "./accounts.ts";
import { createAccounts } from "./better-auth-accounts.ts";

const PAGE = "http://muster.localhost:8080";
const HUB_ID = "abcdefg-hijklmn-opqrstu-vwxyz23";
const COOKIE = "__Host-muster-abcdefgh";
const WORD = "correct horse battery";
const hasher: PasswordHasher = {
  hash: (password) => Promise.resolve(`hash:${password}`),
  verify: (password, hash) => Promise.resolve(hash === `hash:${password}`),
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-accounts-"));
});
afterAll(() => rm(folder, { recursive: true }));

function openHub(name: string): Promise<Store<HubDatabase>> {
  return openStore<HubDatabase>({
    world: realWorld,
    path: join(folder, name),
    migrations: HUB_MIGRATIONS,
    lossLevel: "error",
    onNotice: () => {},
  });
}

function accountsOn(store: Store<HubDatabase>, secretByte = 1, pageOrigin = PAGE): Accounts {
  return createAccounts({
    db: store.db,
    pageOrigin,
    hubId: HUB_ID,
    secret: new Secret(new Uint8Array(32).fill(secretByte)),
    hasher,
    clock: realWorld.clock,
    log: SILENT_LOG,
  });
}

function withCookies(cookies: string[], url = `${PAGE}/api/session`): Request {
  return new Request(url, { headers: { cookie: cookies.map((cookie) => cookie.split(";")[0]).join("; ") } });
}

describe("accounts", () => {
  test("the first owner enters by the hub's word and is recognised by the cookie alone", async () => {
    await using store = await disposable(openHub("first.db"));
    const accounts = accountsOn(store);
    expect(await accounts.hasUsers()).toBe(false);
    const owner = await accounts.createOwner("owner");
    expect(await accounts.hasUsers()).toBe(true);
    const { cookies } = await accounts.signIn(owner.userId, "192.0.2.1");
    expect(await accounts.sessionOf(withCookies(cookies))).toEqual(owner);
    expect(await accounts.sessionOf(withCookies(cookies))).toEqual(owner);
    expect(await accounts.sessionOf(new Request(PAGE))).toBeUndefined();
    expect(await accounts.waysIn(owner.userId)).toEqual({ hasPassword: false, passkeys: 0 });
  });

  test("the cookie is for one host, hidden from scripts, and stricter on loopback", async () => {
    await using store = await disposable(openHub("flags.db"));
    const accounts = accountsOn(store);
    const owner = await accounts.createOwner("owner");
    const [cookie = "", ...others] = (await accounts.signIn(owner.userId, "192.0.2.1")).cookies;
    expect(others).toEqual([]);
    expect(cookie).toStartWith(`${COOKIE}=`);
    const flags = cookie
      .split("; ")
      .slice(1)
      .map((flag) => flag.toLowerCase());
    expect(flags.toSorted()).toEqual(["httponly", "max-age=2592000", "path=/", "samesite=strict", "secure"]);
    const [open = ""] = (await accountsOn(store, 1, "https://muster.example").signIn(owner.userId, ""))
      .cookies;
    expect(open).toContain("SameSite=Lax");
    expect(open).not.toContain("Domain");
  });

  test("a changed, doubled or foreign cookie opens nothing", async () => {
    await using store = await disposable(openHub("forged.db"));
    const accounts = accountsOn(store);
    const owner = await accounts.createOwner("owner");
    const [cookie = ""] = (await accounts.signIn(owner.userId, "192.0.2.1")).cookies;
    const pair = cookie.split(";")[0] ?? "";
    const token = decodeURIComponent(pair.slice(COOKIE.length + 1)).split(".")[0] ?? "";
    const attempts = [
      `${COOKIE}=${token}`,
      `${COOKIE}=${token}.AAAA`,
      `${pair.slice(0, -3)}AAA`,
      `${pair}; ${pair}`,
      `better-auth.session_token=${pair.slice(COOKIE.length + 1)}`,
    ];
    for (const attempt of attempts) {
      expect(await accounts.sessionOf(new Request(PAGE, { headers: { cookie: attempt } }))).toBeUndefined();
    }
    expect(await accounts.sessionOf(new Request(PAGE, { headers: { cookie: pair } }))).toEqual(owner);
  });

  test("signing out ends the session here and now, also where it was just looked up", async () => {
    await using store = await disposable(openHub("out.db"));
    const accounts = accountsOn(store);
    const owner = await accounts.createOwner("owner");
    const { cookies } = await accounts.signIn(owner.userId, "192.0.2.1");
    expect(await accounts.sessionOf(withCookies(cookies))).toBeDefined();
    const cleared = await accounts.signOut(withCookies(cookies));
    expect(cleared.some((cookie) => cookie.startsWith(`${COOKIE}=;`) && cookie.includes("Max-Age=0"))).toBe(
      true,
    );
    expect(await accounts.sessionOf(withCookies(cookies))).toBeUndefined();
  });

  test("a copy of the database without the hub's secret revives no session", async () => {
    await using store = await disposable(openHub("stolen.db"));
    const accounts = accountsOn(store);
    const owner = await accounts.createOwner("owner");
    const { cookies } = await accounts.signIn(owner.userId, "192.0.2.1");
    const thief = accountsOn(store, 2);
    expect(await thief.sessionOf(withCookies(cookies))).toBeUndefined();
    const tables = ["account_users", "account_sessions", "account_ways", "account_verifications"] as const;
    for (const table of tables) {
      // These tables are better-auth's own and in no type of ours.
      const rows = (await store.db
        .selectFrom(table as never)
        .selectAll()
        .execute()) as Record<string, unknown>[];
      for (const value of rows.flatMap((row) => Object.values(row))) {
        const cookie = `${COOKIE}=${encodeURIComponent(String(value))}`;
        expect(await thief.sessionOf(new Request(PAGE, { headers: { cookie } }))).toBeUndefined();
        expect(await accounts.sessionOf(new Request(PAGE, { headers: { cookie } }))).toBeUndefined();
      }
    }
  });

  test("a password is chosen once signed in, opens the account by name, and ends other sessions", async () => {
    await using store = await disposable(openHub("word.db"));
    const accounts = accountsOn(store);
    const owner = await accounts.createOwner("owner");
    const here = await accounts.signIn(owner.userId, "192.0.2.1");
    const elsewhere = await accounts.signIn(owner.userId, "192.0.2.2");
    expect(await accounts.signInWithPassword({ name: "owner", password: WORD, visitor: "" })).toBeUndefined();
    await accounts.setPassword(withCookies(here.cookies), { name: "anna", password: WORD });
    expect(await accounts.sessionOf(withCookies(here.cookies))).toEqual({
      userId: owner.userId,
      name: "anna",
    });
    expect(await accounts.sessionOf(withCookies(elsewhere.cookies))).toBeUndefined();
    const entered = await accounts.signInWithPassword({ name: "Anna", password: WORD, visitor: "192.0.2.3" });
    expect(entered?.session).toEqual({ userId: owner.userId, name: "anna" });
    for (const [name, password] of [
      ["anna", "wrong word entirely"],
      ["owner", WORD],
      ["nobody", WORD],
      ["anna@account.invalid", WORD],
    ] as const) {
      expect(await accounts.signInWithPassword({ name, password, visitor: "" })).toBeUndefined();
    }
  });

  test("of two who set a first password at the same time the later one is held to the earlier's", async () => {
    await using store = await disposable(openHub("two-words.db"));
    const accounts = accountsOn(store);
    const { userId } = await accounts.createOwner("owner");
    const here = withCookies((await accounts.signIn(userId, "192.0.2.1")).cookies);
    const elsewhere = withCookies((await accounts.signIn(userId, "192.0.2.2")).cookies);
    const changes = [here, here, elsewhere].map((request, at) =>
      accounts.setPassword(request, { name: "anna", password: `${WORD} ${at}` }),
    );
    expect(await Promise.allSettled(changes)).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "forbidden" } },
      { status: "rejected", reason: { code: "unauthorized" } },
    ]);
    const credentials = { name: "anna", password: `${WORD} 0`, visitor: "192.0.2.1" };
    expect(await accounts.signInWithPassword(credentials)).toBeDefined();
  });

  test("changing a password takes the current one, and weak or taken choices are refused", async () => {
    await using store = await disposable(openHub("change.db"));
    const accounts = accountsOn(store);
    const owner = await accounts.createOwner("owner");
    await accounts.createOwner("second");
    const { cookies } = await accounts.signIn(owner.userId, "192.0.2.1");
    const change = (name: string, password: string, currentPassword?: string): Promise<unknown> =>
      accounts.setPassword(
        withCookies(cookies),
        currentPassword === undefined ? { name, password } : { name, password, currentPassword },
      );
    expect(change("owner", "short")).rejects.toMatchObject({ code: "invalid" });
    expect(change("owner", "aaaaaaaaaaaaaaa")).rejects.toMatchObject({ code: "invalid" });
    expect(change("admin", WORD)).rejects.toMatchObject({ code: "invalid" });
    expect(change("second", WORD)).rejects.toMatchObject({ code: "name_taken" });
    await change("owner", WORD);
    expect(change("owner", `${WORD} 2`)).rejects.toMatchObject({ code: "forbidden" });
    expect(change("owner", `${WORD} 2`, "wrong")).rejects.toMatchObject({ code: "forbidden" });
    await change("owner", `${WORD} 2`, WORD);
    expect(accounts.setPassword(new Request(PAGE), { name: "owner", password: WORD })).rejects.toMatchObject({
      code: "unauthorized",
    });
  });

  test("only the calls of passkeys are open below the accounts' path", async () => {
    await using store = await disposable(openHub("paths.db"));
    const accounts = accountsOn(store);
    const open = async (method: string, path: string): Promise<number | undefined> => {
      const headers = { origin: PAGE, "content-type": "application/json" };
      const init = method === "POST" ? { method, headers, body: "{}" } : { method, headers };
      return (await accounts.handler(new Request(`${PAGE}/api/auth${path}`, init), "192.0.2.9"))?.status;
    };
    for (const path of [
      "/sign-up/email",
      "/sign-in/email",
      "/get-session",
      "/list-sessions",
      "/ok",
      "/../x",
      "",
    ]) {
      expect(await open("POST", path)).toBeUndefined();
      expect(await open("GET", path)).toBeUndefined();
    }
    expect(await open("GET", "/passkey/generate-authenticate-options")).toBe(200);
    expect(await open("GET", "/passkey/generate-register-options")).toBe(401);
    expect(await open("GET", "/passkey/list-user-passkeys")).toBe(401);
  });

  test("processes that meet the same new database make its tables once", async () => {
    const program = join(import.meta.dir, "first-use.fixture.ts");
    const started = Array.from({ length: 3 }, () =>
      Bun.spawn([process.execPath, program, join(folder, "together.db")], { stdout: "pipe", stderr: "pipe" }),
    );
    for (const child of started) {
      expect(await new Response(child.stderr).text()).toBe("");
      expect(await new Response(child.stdout).text()).toBe("false");
    }
  });
});

async function disposable(
  opening: Promise<Store<HubDatabase>>,
): Promise<Store<HubDatabase> & AsyncDisposable> {
  const store = await opening;
  return { ...store, [Symbol.asyncDispose]: () => store.close() };
}
