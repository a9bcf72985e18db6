// The runtime that a compiled program carries, for each platform: Bun's own packages, of one version, pinned by
// their SHA-512. Fetched once by npm (from wherever npm fetches) and kept in node_modules/.cache, so that a
// second release needs no network.
//
// x86_64 takes the baseline builds: they need no AVX2, which older and virtual CPUs lack.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ReleasePlatform } from "../src/protocol/release.ts";

export const RUNTIME_VERSION = "1.4.4";

/** What the compiler is told: Bun's own name of the platform, and where its runtime is on this machine. */
export interface Runtime {
  target?: Bun.Build.CompileTarget;
  executablePath?: string;
}

/** The one that runs this. */
export const ownRuntime: Runtime = {};

interface PinnedRuntime {
  target: Bun.Build.CompileTarget;
  package: string;
  integrity: string;
}

const RUNTIMES: Record<ReleasePlatform, PinnedRuntime> = {
  "linux-x86_64": {
    target: "bun-linux-x64-baseline",
    package: "@oven/bun-linux-x64-baseline",
    integrity:
      "sha512-FBU6T21NT+i+rESbi0Z8A8G5xN51c+WZ0v6pIjI6szSzOlqVNv64nf7FPnwNIyxKD1M7Wg5cEobLC/QbzCeLtA==",
  },
  "linux-arm64": {
    target: "bun-linux-arm64",
    package: "@oven/bun-linux-aarch64",
    integrity:
      "sha512-ZTVtpf9zmHSBVPX1sBwe5agGb/rN34yPGg/Hby8e2Ax2uCUA2URZKlZH7qLntK7qaFJCMXh9v0GWNYN2zINz1w==",
  },
  "darwin-x86_64": {
    target: "bun-darwin-x64-baseline",
    package: "@oven/bun-darwin-x64-baseline",
    integrity:
      "sha512-uzSXckTnNNS7Un1ihiM31R7P5iKndZ65t6Zj3iI72SrfoV2uI97MKM8z1qer2oRHyqXHLUIJTIhj+qT5UeEjrw==",
  },
  "darwin-arm64": {
    target: "bun-darwin-arm64",
    package: "@oven/bun-darwin-aarch64",
    integrity:
      "sha512-zW/hxwc8sJAILGwB5eTC4i48ouGXf0V4lrxmEOk3JIE6JkYVW1TZh1E2pIempqsezgW1sckTIIDudFON8bJ2Mw==",
  },
  "windows-x86_64": {
    target: "bun-windows-x64-baseline",
    package: "@oven/bun-windows-x64-baseline",
    integrity:
      "sha512-c+169V+ole29sk5GpFuh6Q4uNwRDqu9tXZAVUYIsdfGZeiJeduQ030BkxHi3PmNpj7w/ec2+oO2okRFVFC9i1g==",
  },
};

const cache = resolve(import.meta.dirname, "../node_modules/.cache/muster-runtimes");

/** Fetched where it is missing. */
export async function runtimeFor(platform: ReleasePlatform): Promise<Runtime> {
  const runtime = RUNTIMES[platform];
  if (Bun.version !== RUNTIME_VERSION) {
    throw new Error(`the runtimes are pinned to Bun ${RUNTIME_VERSION}, and this is ${Bun.version}`);
  }
  const program = platform.startsWith("windows-") ? "bun.exe" : "bun";
  const folder = join(cache, `${runtime.target}-${RUNTIME_VERSION}`);
  const executablePath = join(folder, program);
  if (!existsSync(executablePath)) await fetchRuntime(runtime, { folder, program });
  return { target: runtime.target, executablePath };
}

/** Into a folder of its own, then renamed: what stands in the cache was checked and is whole. */
async function fetchRuntime(
  runtime: PinnedRuntime,
  { folder, program }: { folder: string; program: string },
): Promise<void> {
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(join(cache, "fetching-"));
  try {
    const name = `${runtime.package}@${RUNTIME_VERSION}`;
    console.error(`fetching ${name}`);
    await run(["npm", "pack", name, "--silent", "--prefer-offline", "--pack-destination", fresh]);
    const [packed] = await readdir(fresh);
    if (packed === undefined) throw new Error(`npm packed nothing for ${name}`);
    const bytes = await Bun.file(join(fresh, packed)).bytes();
    const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    if (found !== runtime.integrity) throw new Error(`${name} is not the package that is pinned: ${found}`);
    await run(["tar", "-xzf", join(fresh, packed), "-C", fresh, `package/bin/${program}`]);
    await chmod(join(fresh, "package/bin", program), 0o755);
    // Another build may have been quicker, with the same bytes.
    await rename(join(fresh, "package/bin"), folder).catch(() => undefined);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function run(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new Error(`${command.slice(0, 3).join(" ")}: ${said.trim().slice(0, 1000)}`);
}
