import { expect, test } from "bun:test";
import { formatBrowserCode, readBrowserCode } from "./browser-code.ts";

const browser = {
  publicKey: new Uint8Array(32).fill(1),
  linkKey: new Uint8Array(32).fill(2),
  name: "firefox-on-linux",
};

test("a browser's code is read as it was written", () => {
  const code = formatBrowserCode(browser);
  expect(code).toMatch(/^mbr1_[\w-]{86}\.firefox-on-linux$/);
  expect(readBrowserCode(code)).toEqual(browser);
});

test("names of devices, and codes with a slip, are none", () => {
  const code = formatBrowserCode(browser);
  for (const text of [
    "laptop",
    "mbr1_",
    "mbr1_.x1",
    code.slice(0, 60),
    `${code}.more`,
    `${code} `,
    `x${code}`,
  ]) {
    expect(readBrowserCode(text)).toBeUndefined();
  }
});
