import { expect, test } from "bun:test";
import { compareVersions, releaseManifest } from "./release.ts";

/** The order that semver.org gives as its example, and what stands around it. */
const RISING = [
  "0.9.10",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-alpha.beta",
  "1.0.0-beta",
  "1.0.0-beta.2",
  "1.0.0-beta.11",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1",
  "1.2.0",
  "1.10.0",
  "10.0.0",
];

test("versions rise as semantic versions do, not as texts", () => {
  for (const [left, one] of RISING.entries()) {
    for (const [right, other] of RISING.entries()) {
      expect(compareVersions(one, other)).toBe(Math.sign(left - right));
    }
  }
});

test("what is no version compares to nothing", () => {
  for (const text of ["", "1", "1.0", "v1.0.0", "1.0.0+build", "1.0.0-", "1.0.0\n", "1.0.-1", "01e3.0.0"]) {
    expect(compareVersions(text, "1.0.0")).toBeUndefined();
    expect(compareVersions("1.0.0", text)).toBeUndefined();
  }
});

const FILE = { platform: "linux-arm64", file: "muster-linux-arm64", size: 7, sha256: "a".repeat(64) };
const MANIFEST = {
  version: "1.2.3",
  released_at: "2026-11-20T06:00:00.000Z",
  files: [FILE],
  cloudflared: null,
};

test("a manifest may say more than this version knows, and nothing else than it must", () => {
  expect(releaseManifest.safeParse({ ...MANIFEST, notes: "new" }).success).toBe(true);
  for (const wrong of [
    { version: "latest" },
    { released_at: "yesterday" },
    { files: [] },
    { files: [FILE, FILE] },
    { files: [{ ...FILE, platform: "linux-armv7" }] },
    { files: [{ ...FILE, file: "../muster" }] },
    { files: [{ ...FILE, file: "a/b" }] },
    { files: [{ ...FILE, size: 0 }] },
    { files: [{ ...FILE, size: 1e12 }] },
    { files: [{ ...FILE, sha256: "A".repeat(64) }] },
    { cloudflared: undefined },
  ]) {
    expect(releaseManifest.safeParse({ ...MANIFEST, ...wrong }).success).toBe(false);
  }
});
