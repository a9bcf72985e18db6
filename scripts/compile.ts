// One file that is the whole program, for any platform from any machine: the page, the build's facts and the
// runtime are put in, the code becomes bytecode. `npm run build` and `npm run release` both end here.
//
// Two builds of the same sources differ only in what the runtime salts its bytecode with.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isReleasePlatform, type ReleasePlatform } from "../src/protocol/release.ts";
import type { BuildFacts } from "../src/program/upgrade/build-facts.ts";
import { platformName } from "../src/world/machine.ts";
import { embedAssets, pageIn } from "./embed-assets.ts";
import type { Runtime } from "./runtimes.ts";
import { signMachO } from "./sign-mach-o.ts";

const root = resolve(import.meta.dirname, "..");

export interface Compilation {
  outfile: string;
  runtime: Runtime;
  facts: BuildFacts;
  /** Another than package.json's: to try an upgrade out. */
  version?: string;
}

export function buildPage(): void {
  const command = [process.execPath, "--bun", join(root, "node_modules/.bin/vite"), "build", "web"];
  const environment = { ...process.env, NODE_ENV: "production" };
  const page = Bun.spawnSync(command, { cwd: root, stdout: "ignore", stderr: "inherit", env: environment });
  if (!page.success) throw new Error("the page could not be built");
}

/** With the page as it was built last. */
export async function compile({ outfile, runtime, facts, version }: Compilation): Promise<void> {
  const cache = join(root, "node_modules/.cache");
  await mkdir(cache, { recursive: true });
  await mkdir(dirname(outfile), { recursive: true });
  const work = await mkdtemp(join(cache, "muster-build-"));
  try {
    const page = await embedAssets(join(root, "web/dist"), work);
    const factsModule = join(work, "build-facts.generated.ts");
    await Bun.write(factsModule, `export const buildFacts = ${JSON.stringify(facts)};\n`);
    const plugins = [pageIn(page), standIn(/\/build-facts\.ts$/, factsModule)];
    if (version !== undefined) {
      const versionModule = join(work, "version.generated.ts");
      await Bun.write(versionModule, `export const VERSION = ${JSON.stringify(version)};\n`);
      plugins.push(standIn(/^\.{1,2}\/version\.ts$/, versionModule));
    }
    await rm(outfile, { force: true });
    const result = await Bun.build({
      entrypoints: [join(root, "src/main.ts")],
      target: "bun",
      format: "esm",
      minify: true,
      bytecode: true,
      // What a command does not need it does not load: the program starts for every task, and for every command.
      splitting: true,
      plugins,
      compile: { outfile, ...runtime },
    });
    if (!result.success) throw new Error(result.logs.map(({ message }) => message).join("\n"));
    await signMachO(outfile);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** This machine's platform. Throws where no program is made for it. */
export function ownPlatform(): ReleasePlatform {
  const platform = platformName();
  if (isReleasePlatform(platform)) return platform;
  throw new Error(`there is no build for ${platform}`);
}

function standIn(filter: RegExp, path: string): Bun.BunPlugin {
  return { name: path, setup: (build) => void build.onResolve({ filter }, () => ({ path })) };
}
