import { beforeAll, expect, test } from "bun:test";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { MusterError } from "../../protocol/errors.ts";
import { begin, codeOf, crypto, grow, memberEntry, party, type Party } from "../sessions/fleet.fixture.ts";
import { orderedDevice, type OrderedDeviceParts } from "./ordered-device.ts";

let home: Party;
let pi: Party;
let log: OwnerLog;

beforeAll(async () => {
  home = party("home", "desktop");
  pi = party("pi", "raspberry_pi");
  const twins = [party("twin"), party("twin")].map((twin) => memberEntry(twin, home));
  log = await grow(await begin(home), memberEntry(pi, home), ...twins);
});

/** Of a home whose hub answers with this error. */
function parts(code: "hub_unreachable" | "forbidden"): OrderedDeviceParts {
  const hub: OrderedDeviceParts["hub"] = { request: () => Promise.reject(new MusterError(code, "no")) };
  return { crypto, hub, book: { log, problem: () => undefined } };
}

test("without the hub a device is found by the owner log's own name or its id", async () => {
  for (const reference of ["pi", pi.id]) {
    const found = await orderedDevice(parts("hub_unreachable"), reference);
    expect(found).toMatchObject({ id: pi.id, name: "pi", publicKey: pi.signer.publicKey });
  }
});

test("where the log leaves a doubt, or the hub said something else, nothing is found", async () => {
  expect(await codeOf(orderedDevice(parts("hub_unreachable"), "twin"))).toBe("hub_unreachable");
  expect(await codeOf(orderedDevice(parts("hub_unreachable"), "nobody"))).toBe("hub_unreachable");
  expect(await codeOf(orderedDevice(parts("forbidden"), "pi"))).toBe("forbidden");
});
