import { expect, test } from "bun:test";
import { deviceHostAnswer } from "./device-host.ts";

const asked = (method: string, target: string) => {
  // Only these two of a head are looked at.
  const head = { method, target } as Parameters<typeof deviceHostAnswer>[0];
  return deviceHostAnswer(head, "https://muster.example.com");
};

test("health is the device's own to answer", () => {
  expect(asked("GET", "/health")).toEqual({ kind: "device", target: "device:" });
  expect(asked("HEAD", "/health?x=1")).toEqual({ kind: "device", target: "device:" });
});

test("the root leads to the hub's page", () => {
  const found = asked("GET", "/");
  expect(found).toMatchObject({ kind: "answer", answer: { status: 302 } });
  expect(JSON.stringify(found)).toContain("https://muster.example.com/");
});

test.each([
  ["POST", "/health"],
  ["GET", "/health/"],
  ["GET", "//health"],
  ["GET", "/HEALTH"],
  ["POST", "/"],
  ["GET", "/.muster/proof"],
])("%s %s is not there", (method, target) => {
  expect(asked(method, target)).toEqual({ kind: "nothing" });
});
