import { expect, test } from "bun:test";
import { EMPTY_FORM, nameHint, readAddForm, readTarget } from "./add-form.ts";
import { isOnlyHere } from "./reach.ts";

test("digits are a port, a whole path is a folder", () => {
  expect(readTarget(" 3000 ")).toEqual({ port: 3000 });
  expect(readTarget("/home/me/site")).toEqual({ path: "/home/me/site" });
  expect(readTarget("C:\\Users\\me\\site")).toEqual({ path: "C:\\Users\\me\\site" });
});

test("what is neither is refused with a way to write it", () => {
  for (const typed of ["", "0", "65536", "./site", "~/site", "3000x"])
    expect(readTarget(typed)).toHaveProperty("problem");
});

test("an empty form with a port asks for a password and never expires", () => {
  expect(readAddForm({ ...EMPTY_FORM, target: "3000" })).toEqual({
    request: { port: 3000, access: "password" },
  });
});

test("name, access and expiry travel when they were chosen", () => {
  const form = { target: "/srv/docs", name: " docs ", access: "public", expiry: "hour" } as const;
  expect(readAddForm(form)).toEqual({
    request: { path: "/srv/docs", name: "docs", access: "public", expires_in_ms: 3_600_000 },
  });
});

test("every field that is wrong is named at once", () => {
  const read = readAddForm({ ...EMPTY_FORM, target: "", name: "No Such Name" });
  expect("problems" in read ? Object.keys(read.problems).sort() : []).toEqual(["name", "target"]);
});

test("the name that will be picked is shown while typing", () => {
  expect(["3000", "/home/me/My Site/", "", "/"].map(nameHint)).toEqual(["app-3000", "my-site", "", ""]);
});

test("loopback names are each machine's own", () => {
  expect(["http://docs.localhost:8080/", "http://127.0.0.1:80/", "http://[::1]:1/"].map(isOnlyHere)).toEqual([
    true,
    true,
    true,
  ]);
  expect(isOnlyHere("https://docs.example.com/")).toBe(false);
});
