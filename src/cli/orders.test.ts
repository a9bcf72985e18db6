import { expect, test } from "bun:test";
import { encodeOrderEvent, type OrderEvent } from "../protocol/order-frames.ts";
import type { Invocation } from "./invocation.ts";
import { hearOrder } from "./orders.ts";

const REFUSED = { code: "forbidden", message: "this device takes no commands" } as const;

test("people are told which device says so; programs get its own words", async () => {
  expect(await heard({ type: "failed", error: REFUSED }, "pi")).toBe("pi: this device takes no commands");
  expect(await heard({ type: "ended", outcome: { error: REFUSED } }, "pi")).toBe(
    "pi: this device takes no commands",
  );
  expect(await heard({ type: "failed", error: REFUSED }, "pi", true)).toBe("this device takes no commands");
  expect(await heard({ type: "failed", error: REFUSED }, undefined)).toBe("this device takes no commands");
  const ours = { code: "unavailable", message: "this device has not seen its owner log yet" } as const;
  expect(await heard({ type: "failed", error: ours }, "pi")).toBe(ours.message);
});

async function heard(event: OrderEvent, device: string | undefined, json = false): Promise<string> {
  const body = (async function* () {
    yield encodeOrderEvent(event);
  })();
  const invocation = { json } as Invocation; // nothing else of it is used here
  const failed = hearOrder(invocation, body, { device, async output() {} });
  return failed.then(
    () => "",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
