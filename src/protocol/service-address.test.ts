import { describe, expect, test } from "bun:test";
import { readServiceLabel, readServicePath, serviceLabel, servicePath } from "./service-address.ts";

test("a service has a host label where its name is one of a host", () => {
  const device = "pi";
  expect(serviceLabel({ service: "grafana", device })).toBe("grafana--pi");
  expect(serviceLabel({ service: "a", device })).toBe("a--pi");
  expect(serviceLabel({ service: "flow-map", device })).toBe("flow-map--pi");
  for (const service of ["a.b", "a_b", "a--b", "xn", "s".repeat(31)]) {
    expect(serviceLabel({ service, device })).toBeUndefined();
  }
  const longest = serviceLabel({ service: "s".repeat(30), device: "d".repeat(30) });
  expect(longest?.length).toBeLessThanOrEqual(63);
});

test("a label is read as it was made, and in no other way", () => {
  expect(readServiceLabel("flow-map--my-pi")).toEqual({ service: "flow-map", device: "my-pi" });
  expect(readServiceLabel("a--b--c")).toEqual({ service: "a", device: "b--c" });
  expect(readServiceLabel("a---b")).toEqual({ service: "a", device: "-b" });
  for (const label of ["pi", "my-pi", "", "--pi"]) expect(readServiceLabel(label)).toBeUndefined();
});

describe("a path below /d/", () => {
  const rows: [given: string, expected: [string, string, string] | undefined][] = [
    ["/d/pi/api/", ["pi", "api", "/"]],
    ["/d/pi/api", ["pi", "api", "/"]],
    ["/d/pi/api?q=1", ["pi", "api", "/?q=1"]],
    ["/d/pi/api/x/y?z=1", ["pi", "api", "/x/y?z=1"]],
    ["/d/pi/a.b_c/x", ["pi", "a.b_c", "/x"]],
    ["/d/pi/api//evil.test/", ["pi", "api", "//evil.test/"]],
    ["/d/pi", undefined],
    ["/d/pi/", undefined],
    ["/d//api/", undefined],
    ["/d/pi/../x", undefined],
    ["/d/pi/%61/", undefined],
    ["/d/PI/api/", undefined],
    ["/D/pi/api/", undefined],
    [`/d/pi/${"a".repeat(65)}/`, undefined],
  ];
  for (const [given, expected] of rows) {
    test(`${given.slice(0, 30)} is ${expected === undefined ? "none" : expected.join(", ")}`, () => {
      const [device, service, target] = expected ?? [];
      expect(readServicePath(given) as unknown).toEqual(
        expected === undefined ? undefined : { device, service, target },
      );
    });
  }

  test("is what is told of the service", () => {
    const place = { device: "pi", service: "api" };
    expect(readServicePath(servicePath(place))).toEqual({ ...place, target: "/" });
  });
});
