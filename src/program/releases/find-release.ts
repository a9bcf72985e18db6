// The release that a hub hands out: a folder with a manifest and the files it names. It counts whole or not at
// all, and never when it is older than the hub itself.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  compareVersions,
  MANIFEST_MAX_BYTES,
  MANIFEST_NAME,
  releaseManifest,
  SIGNATURE_MAX_BYTES,
  SIGNATURE_NAME,
  type ReleaseManifest,
} from "../../protocol/release.ts";

export interface Release {
  folder: string;
  manifest: ReleaseManifest;
  /** Of manifest.json, exactly: the signature covers them. */
  bytes: Uint8Array<ArrayBuffer>;
  signature: string | undefined;
}

/** Of one folder, so many are looked at. */
const VERSIONS_MAX = 64;

/** The highest version in these folders and the folders right below them. */
export async function findRelease(
  folders: readonly string[],
  options: { ownVersion: string; notBeforeMs?: number },
): Promise<Release | undefined> {
  let best: Release | undefined;
  for (const folder of await withVersions(folders)) {
    const release = await readRelease(folder, options.notBeforeMs ?? 0);
    if (release === undefined) continue;
    const { version } = release.manifest;
    if ((compareVersions(version, options.ownVersion) ?? -1) < 0) continue;
    if (best === undefined || (compareVersions(version, best.manifest.version) ?? 0) > 0) best = release;
  }
  return best;
}

async function withVersions(folders: readonly string[]): Promise<string[]> {
  const all: string[] = [];
  for (const folder of folders) {
    const inside = await readdir(folder, { withFileTypes: true }).catch(() => []); // most are not there
    const versions = inside.filter(
      (entry) => entry.isDirectory() && compareVersions(entry.name, entry.name) === 0,
    );
    all.push(folder, ...versions.slice(0, VERSIONS_MAX).map(({ name }) => join(folder, name)));
  }
  return all;
}

async function readRelease(folder: string, notBeforeMs: number): Promise<Release | undefined> {
  const path = join(folder, MANIFEST_NAME);
  const info = await stat(path).catch(() => undefined); // no release here
  if (info?.isFile() !== true || info.size > MANIFEST_MAX_BYTES || info.mtimeMs < notBeforeMs)
    return undefined;
  const bytes = new Uint8Array(await readFile(path));
  const manifest = parse(bytes);
  return manifest === undefined
    ? undefined
    : { folder, manifest, bytes, signature: await signatureIn(folder) };
}

async function signatureIn(folder: string): Promise<string | undefined> {
  const path = join(folder, SIGNATURE_NAME);
  const info = await stat(path).catch(() => undefined); // unsigned
  if (info?.isFile() !== true || info.size > SIGNATURE_MAX_BYTES) return undefined;
  return readFile(path, "utf8");
}

function parse(bytes: Uint8Array): ReleaseManifest | undefined {
  try {
    const read = releaseManifest.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return read.success ? read.data : undefined;
  } catch {
    return undefined; // no JSON
  }
}
