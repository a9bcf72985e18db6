import { expect, test } from "bun:test";
import { browserName, systemName } from "../platform/browser-name.ts";
import { nextTheme, rememberedTheme } from "../platform/theme.ts";
import { createStore } from "../state/store.ts";
import { readLoginLink, takeLoginLink } from "./login-link.ts";

const SECRET = "A".repeat(43);
const FRAGMENT = `#login.abcdefghijkl.${SECRET}`;

test("a login link has an id and a secret", () => {
  const link = readLoginLink(FRAGMENT);
  expect(link === undefined || link === "malformed" ? link : [link.id, link.secret.reveal()]).toEqual([
    "abcdefghijkl",
    SECRET,
  ]);
});

test("a cut link is told apart from no link", () => {
  expect(readLoginLink(FRAGMENT.slice(0, -1))).toBe("malformed");
  expect(readLoginLink("#login")).toBe("malformed");
  expect(readLoginLink("")).toBeUndefined();
  expect(readLoginLink("#other")).toBeUndefined();
});

test("the secret leaves the address bar before anything else happens", () => {
  const shown: string[] = [];
  const history = { replaceState: (_state: unknown, _unused: string, url: string) => void shown.push(url) };
  const location = { hash: FRAGMENT, pathname: "/", search: "?a=1" };
  // Only these members of the two are used.
  takeLoginLink(location as Location, history as unknown as History);
  expect(shown).toEqual(["/?a=1"]);
});

test("browsers and systems are named as people name them", () => {
  const edge =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
  const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const safari =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
  expect([edge, firefox, safari].map(browserName)).toEqual([
    "Edge on Windows",
    "Firefox on Linux",
    "Safari on iPhone",
  ]);
  expect(browserName("curl/8")).toBe("Browser");
  expect(systemName("curl/8")).toBeUndefined();
});

test("the theme goes round and survives nonsense in the store", () => {
  expect([nextTheme("system"), nextTheme("light"), nextTheme("dark")]).toEqual(["light", "dark", "system"]);
  expect(rememberedTheme({ getItem: () => "purple" } as unknown as Storage)).toBe("system");
  const closed = {
    getItem: () => {
      throw new Error("storage is switched off");
    },
  };
  expect(rememberedTheme(closed as unknown as Storage)).toBe("system");
});

test("a store tells its watchers of real changes only, and forgets who left", () => {
  const store = createStore({ a: 1, b: "x" });
  let told = 0;
  const leave = store.subscribe(() => (told += 1));
  store.set({ a: 1 });
  store.set({ a: 2 });
  leave();
  store.set({ a: 3 });
  expect([told, store.get()]).toEqual([1, { a: 3, b: "x" }]);
});
