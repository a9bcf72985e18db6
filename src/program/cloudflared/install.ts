// cloudflared from its official release, put into the home's own folder of programs. The rule: only the bytes that
// are pinned for this platform are ever looked into, and a name stands in the folder only for a whole program. What
// a killed install leaves behind goes with the next one.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { MusterError } from "../../protocol/errors.ts";
import type { PinnedFile, ReleasePins } from "../../protocol/release.ts";
import { tarMember } from "./tar-member.ts";

export const OFFICIAL_RELEASES = "https://github.com/cloudflare/cloudflared/releases/download";

/** 55 MB at 100 KB/s. */
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
/** GitHub needs one. */
const REDIRECTS_MAX = 5;
/** The largest program so far has 55 MB. */
const PROGRAM_MAX_BYTES = 256 * 1024 * 1024;
const PROGRAM_MODE = 0o700;
const STAGED = /^\.cloudflared-[0-9a-f-]{36}\.new$/;

export interface InstallOptions {
  /** One request; redirects are not followed, certificates are checked. */
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Where each version has its folder. */
  releases: string;
  pins: ReleasePins;
  /** As the pins name it: "linux-arm64". */
  platform: string;
  /** Of programs; made where it is missing. */
  folder: string;
  stop: AbortSignal;
}

export function cloudflaredFileName(platform: string): string {
  return platform.startsWith("windows-") ? "cloudflared.exe" : "cloudflared";
}

/** Its path, once it is whole and in place. Throws with nothing left behind. */
export async function installCloudflared(options: InstallOptions): Promise<string> {
  const { pins, platform, folder, releases, stop } = options;
  const pinned = pins.files.find((one) => one.platform === platform);
  if (pinned === undefined) {
    throw new MusterError("unavailable", `no cloudflared is known for ${platform}`);
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await clearStaged(folder);
  const limit = AbortSignal.any([stop, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]);
  const path = join(folder, cloudflaredFileName(platform));
  const staged: string[] = [];
  const stage = (): string => {
    const fresh = join(folder, `.cloudflared-${randomUUID()}.new`);
    staged.push(fresh);
    return fresh;
  };
  try {
    const response = await follow(options, `${releases}/${pins.version}/${pinned.file}`, limit);
    const asset = stage();
    await writeChecked(asset, pinned, response.body ?? emptyBody());
    const program = pinned.file.endsWith(".tgz") ? await unpack(asset, stage()) : asset;
    await rename(program, path);
    return path;
  } finally {
    for (const left of staged) await rm(left, { force: true });
  }
}

/** Each step to https alone: what would come by anything else is refused before it is asked for. */
async function follow(options: InstallOptions, first: string, signal: AbortSignal): Promise<Response> {
  let url = new URL(first);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    if (url.protocol !== "https:") {
      throw new MusterError(
        "provider_refused",
        `the download of cloudflared leads to ${url.protocol}//, not https`,
      );
    }
    const response = await options.fetch(url.href, { signal, redirect: "manual" });
    if (response.status === 200) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    const moved = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
    if (!moved || !URL.canParse(location, url.href)) {
      throw new MusterError("provider_refused", `${url.host} answers with status ${response.status}`);
    }
    url = new URL(location, url);
  }
  throw new MusterError("provider_refused", "the download of cloudflared is redirected without end");
}

async function writeChecked(
  path: string,
  { file, size, sha256 }: PinnedFile,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const hash = createHash("sha256");
  let length = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const part of bytes) {
      length += part.length;
      if (length > size) throw notPinned(file, `it is longer than ${size} bytes`);
      hash.update(part);
      yield part;
    }
  };
  await write(path, counted());
  if (length !== size) throw notPinned(file, `it ends after ${length} of ${size} bytes`);
  if (hash.digest("hex") !== sha256) throw notPinned(file, "its checksum is another one");
}

async function unpack(asset: string, program: string): Promise<string> {
  const unzipped = createReadStream(asset).pipe(createGunzip());
  await write(program, tarMember(unzipped, { name: "cloudflared", maxBytes: PROGRAM_MAX_BYTES }));
  return program;
}

async function write(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, "wx", PROGRAM_MODE);
  try {
    for await (const part of bytes) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A younger one may be another program's that is at it right now. */
async function clearStaged(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!STAGED.test(name)) continue;
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined); // gone meanwhile
    if (info !== undefined && Date.now() - info.mtimeMs > DOWNLOAD_TIMEOUT_MS)
      await rm(path, { force: true });
  }
}

function notPinned(file: string, why: string): MusterError {
  return new MusterError("bad_signature", `${file} is not what this program was made with: ${why}`);
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
