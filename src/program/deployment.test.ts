import { expect, test } from "bun:test";
import { deploymentKind, isSystemUnit, type DeploymentFacts } from "./deployment.ts";

const DESKTOP: DeploymentFacts = {
  vpsMarker: false,
  deviceMarker: false,
  systemUnit: false,
  hardware: "desktop",
};

test.each([
  ["nothing says anything", {}, "desktop"],
  ["there is a battery", { hardware: "laptop" }, "laptop"],
  ["the machine is marked as a server", { vpsMarker: true, deviceMarker: true }, "vps"],
  ["the home is marked as a device", { deviceMarker: true, systemUnit: true }, "desktop"],
  ["the machine itself starts it", { systemUnit: true }, "vps"],
  [
    "it is a Raspberry Pi, whatever starts it",
    { systemUnit: true, hardware: "raspberry_pi" },
    "raspberry_pi",
  ],
] as const)("where %s it is a %p machine", (_, facts, kind) => {
  expect(deploymentKind({ ...DESKTOP, ...facts })).toBe(kind);
});

test("a unit of the machine is told from one of a person", () => {
  expect(isSystemUnit({ INVOCATION_ID: "ab" })).toBe(true);
  expect(isSystemUnit({ INVOCATION_ID: "ab", XDG_RUNTIME_DIR: "/run/user/1000" })).toBe(false);
  expect(isSystemUnit({})).toBe(false);
});
