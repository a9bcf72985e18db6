import { expect, test } from "bun:test";
import { wayIn } from "./access.ts";

const url = "http://blog.localhost:8080/";
const links = [{ kind: "hub" as const, url, state: "live" as const }];

test("a click on a share for accounts goes through the hub's door, any other straight to its address", () => {
  expect(wayIn({ access: "login", url, links })).toBe("/access?to=blog.localhost%3A8080");
  for (const access of ["public", "password"] as const) expect(wayIn({ access, url, links })).toBe(url);
});

test("an address that is not the hub's has no door here", () => {
  const elsewhere = "https://shop.example.com/";
  expect(wayIn({ access: "login", url: elsewhere, links })).toBe(elsewhere);
  expect(wayIn({ access: "login", url: "", links: [] })).toBe("");
});
