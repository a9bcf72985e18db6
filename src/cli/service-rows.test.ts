import { expect, test } from "bun:test";
import { capabilityLines } from "./service-rows.ts";

test("a device of which the hub left out what it offers does not look as if it offered nothing", () => {
  expect(capabilityLines({ capabilities: [] })).toEqual([]);
  expect(capabilityLines({ abridged: true })).toEqual([
    "not shown: the fleet offers more than the hub can tell at once",
  ]);
});
