import { describe, expect, test } from "bun:test";
import { browserKeys, cookieOf, HUB, PAGE, testHub, type TestHub } from "./hub.fixture.ts";

async function login(
  hub: TestHub,
  link: { id: string; secret: string },
  more: object = {},
): Promise<Response> {
  return hub.call("/api/login", { body: { ...link, ...browserKeys(hub.crypto), ...more }, origin: PAGE });
}

describe("a login link", () => {
  test("signs one browser in, makes it a controller and the owner's account", async () => {
    await using hub = await testHub();
    const keys = browserKeys(hub.crypto);
    const response = await hub.call("/api/login", {
      body: { ...(await hub.loginLink()), ...keys },
      origin: PAGE,
    });
    expect(response.status).toBe(200);
    const cookie = cookieOf(response.headers.getSetCookie());
    const { user, device_id } = (await response.json()) as {
      user: { id: string; name: string };
      device_id: string;
    };
    expect(user.name).toBe("owner");
    expect(hub.home.log().entries.at(-1)).toMatchObject({ kind: "controller", number: 1 });
    const session = await (await hub.call("/api/session", { cookie })).json();
    expect(session).toEqual({
      user: { id: user.id, name: "owner", has_password: false, passkeys: 0 },
      passkeys_allowed: true,
      guests_allowed: false,
    });
    const audit = await hub.parts.audit.read({ ownerRoot: hub.home.root, limit: 10, cursor: null });
    expect(audit?.items[0]).toMatchObject({ action: "account.signed_in", target: `device:${device_id}` });
    const second = await login(hub, await hub.loginLink());
    expect(((await second.json()) as { user: unknown }).user).toEqual(user);
  });

  test("is won by one of a hundred that spend it at once", async () => {
    await using hub = await testHub();
    const link = await hub.loginLink();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        hub.call("/api/login", {
          body: { ...link, ...browserKeys(hub.crypto) },
          origin: PAGE,
          visitor: `198.51.100.${at}`,
        }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 403)).toHaveLength(99);
    expect(hub.home.log().length).toBe(2);
  });

  test("two links that are spent together make one account", async () => {
    await using hub = await testHub();
    const links = [await hub.loginLink(), await hub.loginLink()];
    const answers: { user?: { id: string } }[] = [];
    // Each appends to the owner log, and the second may have to come again behind the first.
    for (const answer of await Promise.all(links.map((link) => login(hub, link)))) {
      answers.push((await answer.json()) as { user?: { id: string } });
    }
    const users = new Set(answers.flatMap(({ user }) => (user === undefined ? [] : [user.id])));
    expect(users.size).toBe(1);
  });

  test("refuses spent, over, unknown and wrong with one answer, and sets no cookie", async () => {
    await using hub = await testHub();
    const spent = await hub.loginLink();
    expect((await login(hub, spent)).status).toBe(200);
    const over = await hub.loginLink();
    const wrong = await hub.loginLink();
    hub.clock.advance(600_000);
    const young = await hub.loginLink();
    hub.clock.advance(300_000);
    const bodies = new Set<string>();
    for (const link of [
      spent,
      over,
      { ...wrong, id: "nothing" },
      { ...young, secret: wrong.secret },
      { id: "", secret: "" },
      { id: "x'; drop table login_links; --", secret: "𝕩" },
    ]) {
      const response = await login(hub, link);
      expect(response.status).toBe(403);
      expect(response.headers.getSetCookie()).toEqual([]);
      bodies.add(await response.text());
    }
    expect(bodies.size).toBe(1);
    expect([...bodies][0]).toContain('"token_invalid"');
    expect((await login(hub, young)).status).toBe(200);
  });

  test("is not spent by a body that does not fit, a foreign page, or another host", async () => {
    await using hub = await testHub();
    const link = await hub.loginLink();
    const keys = browserKeys(hub.crypto);
    const small = "A".repeat(43);
    expect((await login(hub, link, { public_key: small })).status).toBe(400);
    expect((await login(hub, link, { public_key: "AA" })).status).toBe(400);
    expect((await login(hub, link, { name: 7 })).status).toBe(400);
    const body = { ...link, ...keys };
    expect((await hub.call("/api/login", { body, origin: "http://evil.example" })).status).toBe(403);
    expect((await hub.call("/api/login", { body, origin: HUB, at: HUB })).status).toBe(404);
    hub.clock.advance(60_000);
    expect((await hub.call("/api/login", { body, origin: PAGE })).status).toBe(200);
  });

  test("is tried ten times a minute from one place, then not at all for a while", async () => {
    await using hub = await testHub();
    for (let attempt = 0; attempt < 10; attempt++) {
      expect((await login(hub, { id: "guess", secret: String(attempt) })).status).toBe(403);
    }
    const refused = await login(hub, await hub.loginLink());
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "6"]);
    const elsewhere = { body: { ...(await hub.loginLink()), ...browserKeys(hub.crypto) }, origin: PAGE };
    const forged = {
      ...elsewhere,
      headers: { "x-forwarded-for": "203.0.113.9", "muster-visitor": "203.0.113.9" },
    };
    expect((await hub.call("/api/login", forged)).status).toBe(429);
    expect((await hub.call("/api/login", { ...elsewhere, visitor: "203.0.113.9" })).status).toBe(200);
    hub.clock.advance(6_000);
    expect((await login(hub, await hub.loginLink())).status).toBe(200);
  });
});

describe("an account", () => {
  test("gets a name and a password from its page, and is entered by them", async () => {
    await using hub = await testHub();
    const { cookie, token, userId } = await hub.home.person("owner");
    const set = { name: "anna", password: "correct horse battery" };
    const changed = await hub.call("/api/account", { body: set, cookie, token, origin: PAGE });
    expect(await changed.json()).toEqual({ user: { id: userId, name: "anna" } });
    const entered = await hub.call("/api/sign-in", { body: set, origin: PAGE });
    expect(entered.status).toBe(200);
    const fresh = cookieOf(entered.headers.getSetCookie());
    expect(await (await hub.call("/api/session", { cookie: fresh })).json()).toMatchObject({
      user: { name: "anna", has_password: true },
    });
    const ended: string[] = [];
    hub.parts.sessionsEnded = (one) => ended.push(one);
    const out = await hub.call("/api/sign-out", { body: {}, cookie: fresh, origin: PAGE });
    expect(ended).toEqual([userId]);
    const record = await hub.parts.audit.read({ ownerRoot: hub.home.root, limit: 10, cursor: null });
    expect(record?.items.map(({ action }) => action)).toEqual([
      "account.signed_out",
      "account.signed_in",
      "account.changed",
    ]);
    expect(out.headers.getSetCookie()[0]).toContain("Max-Age=0");
    expect(await (await hub.call("/api/session", { cookie: fresh })).json()).toMatchObject({ user: null });
  });

  test("is not changed by a cookie alone, nor by another person's page", async () => {
    await using hub = await testHub();
    const anna = await hub.home.person("anna");
    const bert = await hub.other.person("bert");
    const body = { name: "anna", password: "correct horse battery" };
    const attempt = async (init: object): Promise<number> =>
      (await hub.call("/api/account", { body, origin: PAGE, ...init })).status;
    expect(await attempt({ cookie: anna.cookie })).toBe(401);
    expect(await attempt({ token: anna.token })).toBe(404);
    expect(await attempt({ cookie: anna.cookie, token: bert.token })).toBe(404);
    expect(await attempt({ cookie: bert.cookie, token: anna.token })).toBe(404);
    expect(await attempt({ cookie: anna.cookie, token: anna.token })).toBe(200);
  });

  test("a wrong name and a wrong password are told alike", async () => {
    await using hub = await testHub();
    const { cookie, token } = await hub.home.person("owner");
    const body = { name: "anna", password: "correct horse battery" };
    await hub.call("/api/account", { body, cookie, token, origin: PAGE });
    const wrong = await hub.call("/api/sign-in", { body: { ...body, password: "x" }, origin: PAGE });
    const nobody = await hub.call("/api/sign-in", { body: { ...body, name: "nobody" }, origin: PAGE });
    expect([wrong.status, nobody.status]).toEqual([401, 401]);
    expect(await wrong.text()).toBe(await nobody.text());
  });

  test("guesses at one password are slowed from wherever they come", async () => {
    await using hub = await testHub();
    const guess = async (at: number): Promise<number> =>
      (await hub.call("/api/sign-in", { body: { name: "Owner", password: "x" }, visitor: `203.0.113.${at}` }))
        .status;
    for (let at = 0; at < 20; at++) expect(await guess(at)).toBe(401);
    expect(await guess(20)).toBe(429);
  });

  test("passkeys are asked for at the page's own host, and added only by a page that has proved its key", async () => {
    await using hub = await testHub();
    const path = "/api/auth/passkey";
    const options = await hub.call(`${path}/generate-authenticate-options`);
    expect(options.status).toBe(200);
    expect(await options.json()).toMatchObject({ rpId: "muster.localhost" });
    const [challenge = ""] = options.headers.getSetCookie();
    expect(challenge).toStartWith("__Host-muster-");
    expect(challenge).toContain("HttpOnly; Secure; SameSite=Strict");
    const { cookie, token } = await hub.home.person("owner");
    expect((await hub.call(`${path}/generate-register-options`, { cookie })).status).toBe(401);
    expect((await hub.call(`${path}/generate-register-options`, { cookie, token })).status).toBe(200);
    expect((await hub.call("/api/auth/sign-up/email", { body: {}, origin: PAGE })).status).toBe(404);
    expect((await hub.call("/api/auth/get-session", { cookie })).status).toBe(404);
  });
});
