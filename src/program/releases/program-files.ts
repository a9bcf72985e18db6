// A program's file as the hub hands it out: its SHA-256, found once for as long as the file stays what it is,
// and a gzip of it, made once in the background and kept beside the hub's state. Neither ever holds the file
// in memory.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Program } from "../../hub/downloads/downloads.ts";
import type { Log } from "../../protocol/log.ts";
import { programFileName, type ReleasePlatform } from "../../protocol/release.ts";

const READ_BYTES = 256 * 1024;

export class ProgramFiles {
  readonly #cache: string;
  readonly #log: Log;
  /** By path: few, one for each platform. */
  readonly #known = new Map<string, { mark: string; sha256: Promise<string> }>();
  readonly #compressed = new Set<string>();
  #compressing: Promise<void> = Promise.resolve();

  /** `cache`: a folder of this hub alone. */
  constructor(cache: string, log: Log) {
    this.#cache = cache;
    this.#log = log;
  }

  /** Undefined when it is not there, or not the file that a manifest says it is. */
  async open(
    platform: ReleasePlatform,
    path: string,
    announced?: { size: number; sha256: string },
  ): Promise<Program | undefined> {
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile() !== true) return undefined;
    const mark = `${info.ino}:${info.size}:${info.mtimeMs}`;
    let known = this.#known.get(path);
    if (known?.mark !== mark) {
      known = { mark, sha256: sha256Of(path) };
      this.#known.set(path, known);
    }
    const sha256 = await known.sha256;
    if (announced !== undefined && (announced.size !== info.size || announced.sha256 !== sha256)) {
      this.#log.error("a file of the release is not what its manifest says", { path });
      return undefined;
    }
    const gzip = await this.#gzip(path, `${platform}-${sha256}.gz`);
    return { platform, name: programFileName(platform), sha256, bytes: Bun.file(path), gzip };
  }

  /** What is there already; else it is begun, one at a time, and whoever comes later has it. */
  async #gzip(path: string, name: string): Promise<Blob | undefined> {
    const compressed = join(this.#cache, name);
    const info = await stat(compressed).catch(() => undefined);
    if (info?.isFile() === true) return Bun.file(compressed);
    if (!this.#compressed.has(name)) {
      this.#compressed.add(name);
      this.#compressing = this.#compressing
        .then(() => compress(path, { folder: this.#cache, name }))
        // A full disk, for one: then it travels as it is, until the next start.
        .catch((error: unknown) => this.#log.warn("a program could not be compressed", { path, error }));
    }
    return undefined;
  }

  /** Until nothing is being compressed. */
  settled(): Promise<void> {
    return this.#compressing;
  }
}

async function compress(path: string, { folder, name }: { folder: string; name: string }): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fresh = join(folder, `.making-${process.pid}-${name}`);
  try {
    const to = createWriteStream(fresh, { mode: 0o600 });
    await pipeline(createReadStream(path, { highWaterMark: READ_BYTES }), createGzip(), to);
    await rename(fresh, join(folder, name));
  } finally {
    await rm(fresh, { force: true });
  }
  // Of versions that are gone.
  const platform = name.slice(0, name.lastIndexOf("-") + 1);
  for (const other of await readdir(folder)) {
    if (other.startsWith(platform) && other !== name) await rm(join(folder, other), { force: true });
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) hash.update(chunk);
  return hash.digest("hex");
}
