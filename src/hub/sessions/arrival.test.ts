import { expect, test } from "bun:test";
import { bindingRuleFor, type Came } from "./binding-rule.ts";
import { Unproven } from "./unproven.ts";

const ELSEWHERE: Came = { visitor: "198.51.100.1", proxied: false, tls: true, origin: null };

const rows: [what: string, came: Partial<Came>, insecure: boolean, rule: string][] = [
  ["from elsewhere by TLS", {}, false, "required"],
  ["from elsewhere by TLS, at a hub that accepts plain HTTP", {}, true, "required"],
  ["from elsewhere in plain", { tls: false }, false, "required"],
  ["from elsewhere in plain, accepted", { tls: false }, true, "insecure"],
  ["by the named proxy", { proxied: true, tls: false }, false, "proxy"],
  ["by the named proxy for this machine", { proxied: true, visitor: "127.0.0.1" }, false, "proxy"],
  ["from this machine", { visitor: "::1", tls: false }, false, "loopback"],
  ["from whom a proxy could not name", { visitor: "unknown" }, false, "required"],
  ["a page", { origin: "https://muster.hub.test", proxied: true }, true, "browser"],
];

for (const [what, came, insecure, rule] of rows) {
  test(`what comes ${what} is bound by the rule "${rule}"`, () => {
    expect(bindingRuleFor({ ...ELSEWHERE, ...came }, insecure).type).toBe(rule as "required"); // a row's own word
  });
}

test("a source has so many unproven connections, and gets room when one proves itself or goes", () => {
  const unproven = new Unproven({ least: 2, devicesFrom: () => 0 });
  const [first, second] = [unproven.enter("192.0.2.1"), unproven.enter("192.0.2.1")];
  expect(unproven.enter("192.0.2.1")).toBeUndefined();
  expect(unproven.enter("192.0.2.2")).toBeDefined();
  first?.();
  first?.();
  expect(unproven.enter("192.0.2.1")).toBeDefined();
  expect(unproven.enter("192.0.2.1")).toBeUndefined();
  second?.();
});

test("an office with many devices has room for all of them twice", () => {
  const unproven = new Unproven({ least: 2, devicesFrom: (source) => (source === "192.0.2.1" ? 50 : 0) });
  const entered = Array.from({ length: 101 }, () => unproven.enter("192.0.2.1"));
  expect(entered.filter((each) => each !== undefined)).toHaveLength(100);
});
