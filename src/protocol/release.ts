// A release: the programs for each platform, and the manifest that says which bytes they are. The manifest is
// signed (purpose `release` in signed.ts) over exactly the bytes of its file, so a reader checks the signature
// before it believes a word of it.
//
//   GET /download/manifest.json   the manifest
//   GET /download/manifest.sig    its signature, base64url, one line
//   GET /download/PLATFORM        the program; gzip and ranges where asked for
//   GET /download/PLATFORM.sha256 its SHA-256 in hex, one line
import { z } from "zod";

export const RELEASE_PLATFORMS = [
  "darwin-x86_64",
  "darwin-arm64",
  "linux-x86_64",
  "linux-arm64",
  "windows-x86_64",
] as const;
export type ReleasePlatform = (typeof RELEASE_PLATFORMS)[number];

/** Needs a runtime that is not made for 32 bits. */
export const PLATFORM_WITHOUT_BUILD = "linux-armv7";
export const WITHOUT_BUILD_TEXT = "No build for linux-armv7 yet (needs 64-bit)";

export const MANIFEST_NAME = "manifest.json";
export const SIGNATURE_NAME = "manifest.sig";
export const MANIFEST_MAX_BYTES = 64 * 1024;
export const SIGNATURE_MAX_BYTES = 128;
/** A program with its runtime is about 120 MB. */
export const PROGRAM_MAX_BYTES = 512 * 1024 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.number().int().min(1).max(PROGRAM_MAX_BYTES);
const platform = z.enum(RELEASE_PLATFORMS);

/** Of a helper that is fetched from its own makers: the version and the bytes that this release was made with. */
const pins = z.object({
  version: z.string().max(64),
  files: z.array(z.object({ platform: z.string().max(32), file: z.string().max(100), size, sha256 })).max(16),
});
export type ReleasePins = z.infer<typeof pins>;
export type PinnedFile = ReleasePins["files"][number];

/** Fields that a later version adds are ignored. */
export const releaseManifest = z.object({
  version: z
    .string()
    .max(64)
    .refine((text) => parseVersion(text) !== undefined),
  released_at: z.iso.datetime(),
  files: z
    .array(z.object({ platform, file: z.string().regex(/^[a-z0-9._-]{1,64}$/), size, sha256 }))
    .min(1)
    .max(RELEASE_PLATFORMS.length)
    .refine((files) => new Set(files.map((one) => one.platform)).size === files.length),
  /** Null where nobody has recorded them. */
  cloudflared: pins.nullable(),
});
export type ReleaseManifest = z.infer<typeof releaseManifest>;
export type ReleaseFile = ReleaseManifest["files"][number];

export function isReleasePlatform(text: string): text is ReleasePlatform {
  return RELEASE_PLATFORMS.some((one) => one === text);
}

/** "muster-linux-arm64", "muster-windows-x86_64.exe". */
export function programFileName(on: ReleasePlatform): string {
  return on.startsWith("windows-") ? `muster-${on}.exe` : `muster-${on}`;
}

/** Semantic versions (semver.org, 11); undefined for what is none. Build metadata is not taken. */
export function compareVersions(one: string, other: string): number | undefined {
  const [left, right] = [parseVersion(one), parseVersion(other)];
  if (left === undefined || right === undefined) return undefined;
  for (const [index, number] of left.numbers.entries()) {
    const difference = number - (right.numbers[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return comparePreRelease(left.pre, right.pre);
}

interface Version {
  numbers: readonly number[];
  /** Empty for a release, which is higher than all that led to it. */
  pre: readonly string[];
}

function parseVersion(text: string): Version | undefined {
  const found = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/.exec(text);
  if (found === null) return undefined;
  const [, major, minor, patch, pre] = found;
  return { numbers: [Number(major), Number(minor), Number(patch)], pre: pre?.split(".") ?? [] };
}

function comparePreRelease(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return Math.sign(right.length - left.length);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [one, other] = [left[index], right[index]];
    if (one === undefined) return -1;
    if (other === undefined) return 1;
    if (one !== other) return compareIdentifiers(one, other);
  }
  return 0;
}

function compareIdentifiers(one: string, other: string): number {
  const [left, right] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (left && right) return Math.sign(Number(one) - Number(other));
  if (left !== right) return left ? -1 : 1;
  return one < other ? -1 : 1;
}
