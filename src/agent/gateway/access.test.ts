import { expect, test } from "bun:test";
import { ed25519Pair } from "./access.fixture.ts";
import {
  appShare,
  ask,
  HOST,
  pageShare,
  PASSWORD,
  startGateway,
  type Asked,
  type Told,
} from "./gateway.fixture.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { signedBytes } from "../../protocol/signed.ts";
import { encodeTicket } from "../../protocol/ticket.ts";
import { visitorKey } from "./attempts.ts";
import { safeReturnPath } from "./return-path.ts";

const PATH = new URL("gateway.ts", import.meta.url).pathname;
const share = pageShare(PATH, { access: "password" });
const NAVIGATES = { Accept: "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none" };
const ORIGIN = `https://${HOST}`;

const basic = (password: string) => `Basic ${Buffer.from(`any:${password}`).toString("base64")}`;

function login(password: string, asked: Asked = {}, to = "/"): Asked {
  const body = new URLSearchParams({ password, to }).toString();
  const headers = {
    "Content-Type": "application/x-www-form-urlencoded",
    Origin: ORIGIN,
    ...NAVIGATES,
    ...asked.headers,
  };
  return { ...asked, method: "POST", target: "/.muster/login", headers, body };
}

function cookieOf(told: Told, name = "__Host-muster-share"): string {
  return new RegExp(`${name}=[^;]*`).exec(told.headers["set-cookie"] ?? "")?.[0] ?? "none";
}

test("a browser gets the form, never stored, with nothing of others in it", async () => {
  const told = await ask(
    startGateway(),
    { ...share, name: "<b>" },
    { target: '/x?"><script>', headers: NAVIGATES },
  );
  expect(told.status).toBe(401);
  expect(told.headers["cache-control"]).toBe("no-store");
  expect(told.headers["content-security-policy"]).toContain("default-src 'none'");
  expect(told.headers["www-authenticate"]).toBe("Muster-Password");
  expect(told.body.toString()).toContain('action="/.muster/login"');
  expect(told.body.toString()).not.toContain("<script");
  expect(told.body.toString()).not.toContain("<b>");
});

test("a program is asked for Basic, a script of a page is not", async () => {
  const program = await ask(startGateway(), share, { headers: { Accept: "*/*" } });
  expect(program.status).toBe(401);
  expect(program.headers["www-authenticate"]).toStartWith("Basic ");
  expect(program.headers["cache-control"]).toBe("no-store");
  const script = await ask(startGateway(), share, {
    headers: { "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin" },
  });
  expect(script.headers["www-authenticate"]).toBe("Muster-Password");
});

test("the form's password sets the cookie of this host and leads back to where the visitor was", async () => {
  const gateway = startGateway();
  const told = await ask(gateway, share, login(PASSWORD, {}, "/a?b=1"));
  expect(told.status).toBe(303);
  expect(told.headers["location"]).toBe("/a?b=1");
  expect(told.headers["set-cookie"]).toMatch(
    /^__Host-muster-share=[0-9a-z]+\.[\w-]{43}; Path=\/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax$/,
  );
  const cookie = `other=1; ${cookieOf(told)}; more=2`;
  expect((await ask(gateway, share, { headers: { Cookie: cookie } })).status).toBe(200);
});

test("a wrong one shows the form again and says so, with the way back kept", async () => {
  const told = await ask(startGateway(), share, login("wrong", {}, "/a"));
  expect(told.status).toBe(401);
  expect(told.body.toString()).toContain("not the password");
  expect(told.body.toString()).toContain('name="to" value="/a"');
  expect(told.headers["set-cookie"]).toBeUndefined();
});

test.each([
  ["/a/b?c=d", "/a/b?c=d"],
  ["//evil.com", "/"],
  ["/\\evil.com", "/"],
  ["https://evil.com", "/"],
  ["javascript:alert(1)", "/"],
  ["/\nSet-Cookie: x", "/"],
  ["/a b", "/"],
  ["/.muster/login", "/"],
  ["", "/"],
  [`/${"x".repeat(2000)}`, "/"],
])("a way back of %j is %j", (to, path) => {
  expect(safeReturnPath(to)).toBe(path);
});

test("a cookie is good for its share, host, password and time alone", async () => {
  const gateway = startGateway();
  const cookie = cookieOf(await ask(gateway, share, login(PASSWORD)));
  const status = async (value: string, other = share, asked: Asked = {}) =>
    (await ask(gateway, other, { ...asked, headers: { Cookie: value } })).status;
  expect(await status(cookie)).toBe(200);
  expect(await status(cookie, { ...share, id: "s2" })).toBe(401);
  expect(await status(cookie, { ...share, passwordVersion: 2 })).toBe(401);
  expect(await status(cookie, { ...share, access: "login" })).toBe(401);
  expect(await status(cookie, share, { open: { host: "other.example.com" } })).toBe(401);
  expect(await status(cookie, share, { open: { host: HOST.toUpperCase() } })).toBe(200);
  const [name = "", value = ""] = cookie.split("=");
  const [expiry = "", mac = ""] = value.split(".");
  const later = (Number.parseInt(expiry, 36) + 60).toString(36);
  for (const forged of [
    `${later}.${mac}`,
    `${expiry}.${mac.slice(0, -1)}`,
    `${expiry}.`,
    `.${mac}`,
    mac,
    "",
    `${expiry}.${"A".repeat(43)}`,
    `zzzzzzzzzzzzz.${mac}`,
    `-1.${mac}`,
  ]) {
    expect(await status(`${name}=${forged}`)).toBe(401);
  }
  expect(await status(cookie.replace("__Host-", ""))).toBe(401);
  const otherDevice = startGateway({ deviceKey: new Uint8Array(32).fill(9) });
  expect((await ask(otherDevice, share, { headers: { Cookie: cookie } })).status).toBe(401);
  gateway.time.advance(30 * 86_400_000);
  expect(await status(cookie)).toBe(401);
});

test("programs show the password with each request, and it is hashed once", async () => {
  const gateway = startGateway();
  for (const headers of [{ Authorization: basic(PASSWORD) }, { "Muster-Password": PASSWORD }]) {
    for (let round = 0; round < 10; round++)
      expect((await ask(gateway, share, { headers })).status).toBe(200);
  }
  const many = await Promise.all(
    Array.from({ length: 20 }, () =>
      ask(gateway, share, { headers: { Authorization: basic(PASSWORD) }, open: { visitor: "198.51.100.1" } }),
    ),
  );
  expect(many.map(({ status }) => status)).toEqual(Array<number>(20).fill(200));
  expect(gateway.hashes.count).toBe(2);
});

test("five wrong passwords a minute, then 429 for that visitor alone, even with the right one", async () => {
  const gateway = startGateway();
  const wrong = (visitor: string) =>
    ask(gateway, share, { headers: { Authorization: basic(`wrong ${visitor}`) }, open: { visitor } });
  const right = (visitor: string) =>
    ask(gateway, share, { headers: { Authorization: basic(PASSWORD) }, open: { visitor } });
  const cookie = cookieOf(await ask(gateway, share, login(PASSWORD, { open: { visitor: "192.0.2.1" } })));
  expect((await right("192.0.2.1")).status).toBe(200);
  const burst = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      ask(gateway, share, {
        headers: { Authorization: basic(`guess ${n}`) },
        open: { visitor: "192.0.2.1" },
      }),
    ),
  );
  expect(burst.filter(({ status }) => status === 401).length).toBe(5);
  expect(burst.filter(({ status }) => status === 429).length).toBe(15);
  expect(Number(burst.at(-1)?.headers["retry-after"])).toBe(60);
  expect((await right("192.0.2.1")).status).toBe(429);
  expect((await ask(gateway, share, login(PASSWORD, { open: { visitor: "192.0.2.1" } }))).status).toBe(429);
  // Nobody else is held back, nor who has a cookie.
  expect((await right("192.0.2.2")).status).toBe(200);
  const withCookie = { headers: { Cookie: cookie }, open: { visitor: "192.0.2.1" } };
  expect((await ask(gateway, share, withCookie)).status).toBe(200);
  gateway.time.advance(60_000);
  expect((await right("192.0.2.1")).status).toBe(200);
  for (let n = 0; n < 5; n++) expect((await wrong("2001:db8::1")).status).toBe(401);
  // The same line of an IPv6 provider, another address.
  expect((await wrong("2001:db8::2")).status).toBe(429);
  expect((await wrong("2001:db8:0:1::1")).status).toBe(401);
});

test("a header never says who the visitor is", async () => {
  const gateway = startGateway();
  for (let n = 0; n < 8; n++) {
    const headers = { Authorization: basic(`guess ${n}`), "X-Forwarded-For": `192.0.2.${n}` };
    expect((await ask(gateway, share, { headers })).status).toBe(n < 5 ? 401 : 429);
  }
});

test("a word somebody chose is also bounded for all visitors together, a made password is not", async () => {
  for (const chosenPassword of [true, false]) {
    const gateway = startGateway();
    const target = { ...share, chosenPassword };
    const known = { headers: { "Muster-Password": PASSWORD }, open: { visitor: "192.0.2.250" } };
    expect((await ask(gateway, target, known)).status).toBe(200);
    const cookie = cookieOf(await ask(gateway, target, login(PASSWORD)));
    const statuses: number[] = [];
    for (let n = 0; n < 40; n++) {
      const headers = { Authorization: basic(`guess ${n}`) };
      statuses.push((await ask(gateway, target, { headers, open: { visitor: `198.51.100.${n}` } })).status);
    }
    expect(statuses.filter((status) => status === 429).length).toBe(chosenPassword ? 10 : 0);
    expect((await ask(gateway, target, { headers: { Cookie: cookie } })).status).toBe(200);
    expect((await ask(gateway, target, known)).status).toBe(200);
  }
});

test("only so many passwords are hashed and waited for at once", async () => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let running = 0;
  let most = 0;
  const hasher = {
    hash: (password: string) => Promise.resolve(password),
    async verify() {
      most = Math.max(most, ++running);
      await held;
      running--;
      return false;
    },
  };
  const gateway = startGateway({ hasher });
  const asked = Array.from({ length: 60 }, (_, n) =>
    ask(gateway, share, { headers: { "Muster-Password": `${n}` }, open: { visitor: `198.51.100.${n}` } }),
  );
  release();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 401).length).toBe(34);
  expect(statuses.filter((status) => status === 429).length).toBe(26);
  expect(most).toBe(2);
});

test.each([
  ["a script of a sibling", { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors" }, 403],
  ["a picture on another site", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" }, 403],
  ["a link on another site", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" }, 200],
  ["its own script", { "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors" }, 200],
  [
    "an allowed origin's script",
    { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", Origin: "https://friend.example" },
    200,
  ],
])("with the cookie, %s gets %i", async (_who, headers, status) => {
  const gateway = startGateway();
  const target = { ...share, allowOrigins: ["https://friend.example"] };
  const cookie = cookieOf(await ask(gateway, target, login(PASSWORD)));
  expect((await ask(gateway, target, { headers: { Cookie: cookie, ...headers } })).status).toBe(status);
  expect((await ask(gateway, { ...share, access: "public" }, { headers })).status).toBe(200);
});

test.each([
  [ORIGIN, 502],
  ["https://friend.example", 502],
  ["https://evil.example", 403],
  [`http://${HOST}`, 403],
  [`https://${HOST}:8443`, 403],
  [`https://${HOST}.evil.example`, 403],
  ["null", 403],
])("an upgrade from %s gets %i", async (origin, status) => {
  const gateway = startGateway();
  // Nothing listens on port 1: a 502 means that the request was let through.
  const target = appShare(1, { access: "password", allowOrigins: ["https://friend.example"] });
  const cookie = cookieOf(await ask(gateway, target, login(PASSWORD)));
  const headers = { Cookie: cookie, Connection: "Upgrade", Upgrade: "websocket", Origin: origin };
  expect((await ask(gateway, target, { headers })).status).toBe(status);
});

test("a form that another site posts is not looked at", async () => {
  const gateway = startGateway();
  for (const origin of ["https://evil.example", "null"]) {
    const told = await ask(gateway, share, login(PASSWORD, { headers: { Origin: origin } }));
    expect(told.status).toBe(403);
  }
  expect(gateway.hashes.count).toBe(0);
});

test.each<[string, Asked]>([
  ["too long", { body: `password=${"x".repeat(9000)}` }],
  ["of another type", { headers: { "Content-Type": "text/plain" } }],
  ["no UTF-8", { body: "password=\u00ff" }],
])("a form that is %s is refused or wrong", async (_what, asked) => {
  const gateway = startGateway();
  const plain = login(PASSWORD);
  const told = await ask(gateway, share, {
    ...plain,
    ...asked,
    headers: { ...plain.headers, ...asked.headers },
  });
  expect([400, 401]).toContain(told.status);
  expect(told.headers["set-cookie"]).toBeUndefined();
});

test("over plain HTTP off this machine a protected share says why it stays shut", async () => {
  const open = { https: false, secure: false };
  for (const asked of [
    { open },
    { open, headers: { "Muster-Password": PASSWORD } },
    login(PASSWORD, { open }),
  ]) {
    const told = await ask(startGateway(), share, asked);
    expect(told.status).toBe(403);
    expect(told.headers["set-cookie"]).toBeUndefined();
  }
  expect((await ask(startGateway(), { ...share, access: "public" }, { open })).status).toBe(200);
  const insecure = { ...share, insecure: true };
  const gateway = startGateway();
  const told = await ask(gateway, insecure, login(PASSWORD, { open, headers: { Origin: `http://${HOST}` } }));
  expect(told.headers["set-cookie"]).toStartWith("muster-share=");
  expect(told.headers["set-cookie"]).not.toContain("Secure");
  const cookie = cookieOf(told, "muster-share");
  expect((await ask(gateway, insecure, { open, headers: { Cookie: cookie } })).status).toBe(200);
});

test("through a quick tunnel Basic is not taken and cookies last half a day", async () => {
  const gateway = startGateway();
  const open = { link: "quick" } as const;
  const asked = await ask(gateway, share, { open, headers: { Authorization: basic(PASSWORD) } });
  expect(asked.status).toBe(401);
  expect(asked.headers["www-authenticate"]).toBe("Muster-Password");
  expect((await ask(gateway, share, { open, headers: { "Muster-Password": PASSWORD } })).status).toBe(200);
  const told = await ask(gateway, share, login(PASSWORD, { open }));
  expect(told.headers["set-cookie"]).toContain("Max-Age=43200;");
});

test("a public share has no login, and nobody's paths below /.muster/", async () => {
  const open = { ...share, access: "public" } as const;
  expect((await ask(startGateway(), open, login(PASSWORD))).status).toBe(404);
  expect((await ask(startGateway(), appShare(1), { target: "/.muster/anything" })).status).toBe(404);
});

test("an expired or unknown share is told apart from a missing page", async () => {
  const gateway = startGateway();
  const ended = { ...share, expiresAt: gateway.time.now() };
  const told = await ask(gateway, ended, { headers: { Accept: "text/html" } });
  expect(told.status).toBe(404);
  expect(told.body.toString()).toContain("expired");
  expect((await ask(gateway, undefined)).status).toBe(404);
});

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["2001:DB8::1", "2001:db8:0:0"],
  ["2001:db8:0:0:ffff::", "2001:db8:0:0"],
  ["2001:0db8:0000:0001:2:3:4:5", "2001:db8:0:1"],
  ["::1", "0:0:0:0"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
])("%s counts as visitor %s", (address, key) => {
  expect(visitorKey(address)).toBe(key);
});

// --login

const hubKey = ed25519Pair();
const forAccounts = pageShare(PATH, { access: "login" });
const withHub = () =>
  startGateway({
    hub: () => ({ url: "https://hub.example", key: hubKey.publicKey }),
    verifyEd25519: hubKey.verify,
  });

async function leave(gateway: ReturnType<typeof withHub>) {
  const told = await ask(gateway, forAccounts, { target: "/a?b=1", headers: NAVIGATES });
  const nonce = new URL(told.headers["location"] ?? "").searchParams.get("nonce") ?? "";
  return { told, nonce, cookie: cookieOf(told, "__Host-muster-nonce") };
}

function ticketFor(gateway: ReturnType<typeof withHub>, changes: Record<string, unknown> = {}) {
  const claims = {
    share: "s1",
    host: HOST,
    visitor: "user:7",
    nonce: new Uint8Array(32).fill(5),
    expiresAt: gateway.time.now() + 60_000,
    ...changes,
  };
  return encodeTicket(claims, hubKey.sign(signedBytes("ticket", claims)));
}

function redeem(gateway: ReturnType<typeof withHub>, ticket: string, cookie: string) {
  const body = new URLSearchParams({ ticket }).toString();
  const headers = {
    "Content-Type": "application/x-www-form-urlencoded",
    Origin: ORIGIN,
    Cookie: cookie,
    ...NAVIGATES,
  };
  return ask(gateway, forAccounts, { method: "POST", target: "/.muster/ticket", headers, body });
}

test("an unknown visitor of a --login share is sent to the hub and comes back with its ticket, once", async () => {
  const gateway = withHub();
  const { told, nonce, cookie } = await leave(gateway);
  expect(told.status).toBe(302);
  expect(told.headers["location"]).toStartWith(`https://hub.example/access?to=${HOST}&nonce=`);
  expect(told.headers["set-cookie"]).toContain("Max-Age=300; Secure; HttpOnly");
  expect(nonce).toBe(toBase64Url(new Uint8Array(32).fill(5)));
  const ticket = ticketFor(gateway);
  const back = await redeem(gateway, ticket, cookie);
  expect(back.status).toBe(303);
  expect(back.headers["location"]).toBe("/a?b=1");
  const share = { headers: { Cookie: cookieOf(back) } };
  expect((await ask(gateway, forAccounts, share)).status).toBe(200);
  expect((await redeem(gateway, ticket, cookie)).status).toBe(403);
});

test.each([
  ["another share", { share: "s2" }],
  ["another host", { host: "other.example.com" }],
  ["another nonce", { nonce: new Uint8Array(32).fill(6) }],
  ["a past minute", { expiresAt: 1_700_000_000_000 }],
  ["next year", { expiresAt: 1_900_000_000_000 }],
])("a ticket for %s is refused", async (_what, changes) => {
  const gateway = withHub();
  const { cookie } = await leave(gateway);
  expect((await redeem(gateway, ticketFor(gateway, changes), cookie)).status).toBe(403);
});

test("a ticket that the hub did not sign, or without its cookie, is refused", async () => {
  const gateway = withHub();
  const { cookie } = await leave(gateway);
  const ticket = ticketFor(gateway);
  const forged = `${ticket.slice(0, -4)}AAAA`;
  expect((await redeem(gateway, forged, cookie)).status).toBe(403);
  expect((await redeem(gateway, "", cookie)).status).toBe(403);
  expect((await redeem(gateway, ticket, "")).status).toBe(403);
  const noHub = startGateway();
  expect((await redeem(noHub, ticket, cookie)).status).toBe(403);
  expect((await ask(noHub, forAccounts, { headers: NAVIGATES })).status).toBe(503);
});

test("programs are not sent to the hub, and the ticket's page runs our script alone", async () => {
  const gateway = withHub();
  expect((await ask(gateway, forAccounts, { headers: { Accept: "*/*" } })).status).toBe(401);
  const page = await ask(gateway, forAccounts, { target: "/.muster/ticket", headers: NAVIGATES });
  expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
  expect(page.body.toString()).toContain('<script src="/.muster/ticket.js">');
  const script = await ask(gateway, forAccounts, { target: "/.muster/ticket.js" });
  expect(script.headers["content-type"]).toStartWith("text/javascript");
  expect(script.body.toString()).toContain("location.hash");
});
