// The program of the hub's own platform, with no configuration: the running one itself, or from a checkout the
// one that is built of it at the first request. All who ask meanwhile wait for that one build.
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import { isReleasePlatform, programFileName, type ReleasePlatform } from "../../protocol/release.ts";
import { platformName } from "../../world/machine.ts";
import { isCompiled } from "../compiled.ts";

export interface OwnProgram {
  /** Undefined on a machine that no program is made for. */
  platform: ReleasePlatform | undefined;
  /** Throws `unavailable`. */
  path(): Promise<string>;
}

const ROOT = resolve(import.meta.dirname, "../../..");
const SOURCES = [
  "src",
  "web/src",
  "web/public",
  "web/index.html",
  "scripts",
  "package.json",
  "package-lock.json",
];
const NOT_SOURCE = /\.(?:test|fixture)\.tsx?$/;

export function ownProgram(log: Log): OwnProgram {
  const name = platformName();
  const platform = isReleasePlatform(name) ? name : undefined;
  if (platform === undefined || isCompiled)
    return { platform, path: () => Promise.resolve(process.execPath) };
  return { platform, path: onceForAll(() => build(platform, log)) };
}

/** All who ask share one run; one that failed is tried again by whoever asks next. */
export function onceForAll<Result>(run: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  return () =>
    (running ??= run().catch((error: unknown) => {
      running = undefined;
      throw error;
    }));
}

/** When the youngest source of this checkout was changed; 0 in a compiled program, which has none. */
export async function sourcesChangedMs(): Promise<number> {
  if (isCompiled) return 0;
  return Math.max(0, ...(await Promise.all(SOURCES.map((source) => newest(join(ROOT, source))))));
}

async function build(platform: ReleasePlatform, log: Log): Promise<string> {
  const folder = join(ROOT, "dist/download");
  const path = join(folder, programFileName(platform));
  const there = await stat(path).catch(() => undefined); // the first time
  if (there !== undefined && there.mtimeMs > (await sourcesChangedMs())) return path;
  log.info("building the program that new machines install", { platform });
  const startedAt = performance.now();
  await mkdir(folder, { recursive: true });
  const fresh = join(folder, `.making-${process.pid}-${programFileName(platform)}`);
  try {
    const script = join(ROOT, "scripts/build.ts");
    const command = [process.execPath, script, "--keep-page", "--platform", platform, "--out", fresh];
    const child = Bun.spawn(command, { cwd: ROOT, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    if (code !== 0) {
      log.error("the program could not be built", { platform, said: said.slice(0, 2000) });
      throw new MusterError("unavailable", "this hub could not build the program", {
        hint: "its log says why; `npm run build` on the hub's machine tries it again",
      });
    }
    // Another hub of this checkout may have built the same: whichever comes last stands.
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
  log.info("built", { platform, seconds: Math.round((performance.now() - startedAt) / 100) / 10 });
  return path;
}

async function newest(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined); // not every checkout has all of them
  if (info?.isDirectory() !== true) return info?.mtimeMs ?? 0;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !NOT_SOURCE.test(entry.name));
  const times = await Promise.all(
    // An editor's temporary file may be gone by now.
    files.map(
      async ({ parentPath, name }) =>
        (await stat(join(parentPath, name)).catch(() => undefined))?.mtimeMs ?? 0,
    ),
  );
  return Math.max(0, ...times);
}
