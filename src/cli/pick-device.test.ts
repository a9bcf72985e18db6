import { expect, test } from "bun:test";
import { leastBusy } from "./pick-device.ts";

test("the device with the fewest running tasks is taken, then by name, and last who does not say", () => {
  const running = new Map([
    ["a", 2],
    ["c", 0],
    ["b", 0],
  ]);
  expect(leastBusy(["a", "c", "mute", "b"], running)).toBe("b");
  expect(leastBusy(["a", "mute"], running)).toBe("a");
  expect(leastBusy(["z", "y"], new Map())).toBe("y");
  expect(leastBusy([], running)).toBeUndefined();
});
