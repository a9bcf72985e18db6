import { expect, test } from "bun:test";
import { machineAt, pathOf, pathOfMachine, placeAt, taskAt } from "./place.ts";

const TASK = "019ab000-0000-7000-8000-000000000001";

test("every place has an address, and what is none is the fleet", () => {
  for (const place of ["fleet", "claim", "device", "peers", "search", "grants"] as const) {
    expect(placeAt(pathOf(place))).toBe(place);
  }
  expect(["/nowhere", "/devices", "/devices/", "/devices/Pi"].map(placeAt)).toEqual(Array(4).fill("fleet"));
});

test("a device has an address by its name, and a task of it one below", () => {
  const path = pathOfMachine("pi", TASK);
  expect([placeAt(path), machineAt(path), taskAt(path)]).toEqual(["machine", "pi", TASK]);
  expect([machineAt(pathOfMachine("pi")), taskAt(pathOfMachine("pi"))]).toEqual(["pi", null]);
});

test("a name that a hub made up leads nowhere else", () => {
  expect(pathOfMachine("../api?x#y", "//evil")).toBe("/devices/..%2Fapi%3Fx%23y/%2F%2Fevil");
});
