import { expect, test } from "bun:test";
import { inspect } from "node:util";
import { loginLinkHash, loginLinkUrl, makeLoginLink, parseLoginLink } from "./login-link.ts";
import { makePassword, readMadePassword } from "./passwords.ts";
import { Secret } from "./secret.ts";
import { seededCrypto } from "./crypto.fixture.ts";

const crypto = seededCrypto("secrets");

test("a secret shows in no form but by reveal", () => {
  const secret = new Secret("hunter2");
  const forms = [
    ["in", secret].join(" "),
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: [secret] }, { depth: 9, showHidden: true }),
    Bun.inspect(secret),
    Object.values(secret).join(),
    new Error("with", { cause: secret }).stack ?? "",
  ];
  for (const form of forms) expect(form).not.toContain("hunter2");
  expect(JSON.stringify({ secret })).toBe('{"secret":"‹secret›"}');
  expect(inspect(secret)).toBe("‹secret›");
  expect(secret.reveal()).toBe("hunter2");
});

test("a made password has twelve characters of 32, evenly drawn", () => {
  const seen = new Map<string, number>();
  for (let n = 0; n < 2000; n++) {
    const password = makePassword(crypto.randomBytes).reveal();
    expect(password).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){2}$/);
    for (const character of password.replaceAll("-", "")) seen.set(character, (seen.get(character) ?? 0) + 1);
  }
  expect(seen.size).toBe(32);
  // 750 expected of each; 150 is 5.5 standard deviations.
  for (const count of seen.values()) expect(Math.abs(count - 750)).toBeLessThan(150);
});

test("a made password may be typed in any case, with or without dashes", () => {
  const password = makePassword(crypto.randomBytes).reveal();
  expect(readMadePassword(password.toUpperCase())).toBe(password);
  expect(readMadePassword(` ${password.replaceAll("-", " ")}`)).toBe(password);
  expect(readMadePassword("01il-oooo-abcd")).toBe("0111-0000-abcd");
  expect(readMadePassword("A chosen Word")).toBe("A chosen Word");
});

test("a login link is read from the address bar or whole", () => {
  const link = makeLoginLink(crypto);
  const url = loginLinkUrl("http://muster.localhost:8080/", link).reveal();
  expect(url).toBe(`http://muster.localhost:8080/#login.${link.id}.${link.secret.reveal()}`);
  for (const text of [url, new URL(url).hash]) {
    const read = parseLoginLink(text);
    expect(read?.id).toBe(link.id);
    expect(read?.secret.reveal()).toBe(link.secret.reveal());
  }
});

test("what is stored of a login link depends on both its parts", () => {
  const [a, b] = [makeLoginLink(crypto), makeLoginLink(crypto)];
  const hash = loginLinkHash(crypto, a);
  expect(hash).toEqual(loginLinkHash(crypto, { id: a.id, secret: new Secret(a.secret.reveal()) }));
  expect(hash).not.toEqual(loginLinkHash(crypto, { ...a, id: b.id }));
  expect(hash).not.toEqual(loginLinkHash(crypto, { ...a, secret: b.secret }));
});

test.each([
  "",
  "#login",
  "#login.a.b",
  "#claim.aaaaaaaaaaaa.b",
  `#login.${"a".repeat(12)}.${"a".repeat(44)}`,
])("%j is no login link", (text) => {
  expect(parseLoginLink(text)).toBeUndefined();
});
