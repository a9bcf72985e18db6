import { expect, test } from "bun:test";
import { readWayBack } from "./way-back.ts";

const NONCE = "A".repeat(43);

function asked(search: string): string | undefined {
  return readWayBack(`#then=${encodeURIComponent(search)}`);
}

test("the way back is the door of a share, with its nonce", () => {
  const search = `?to=blog.localhost%3A8080&nonce=${NONCE}`;
  expect(asked(search)).toBe(`/access${search}`);
  expect(asked(`${search}&more=1`)).toBe(`/access${search}`);
});

test("nothing else is a way back", () => {
  for (const search of [
    "",
    "https://evil.example/",
    "//evil.example",
    "?to=blog.localhost",
    `?nonce=${NONCE}`,
    `?to=evil.example/path&nonce=${NONCE}`,
    `?to=a%0d%0ab&nonce=${NONCE}`,
    `?to=blog.localhost&nonce=${NONCE}A`,
    `?to=${"a".repeat(900)}&nonce=${NONCE}`,
  ]) {
    expect(asked(search)).toBeUndefined();
  }
  expect(readWayBack("#login.x.y")).toBeUndefined();
});
