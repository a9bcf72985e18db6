// Puts the page into the compiled program: writes each built file, compressed by brotli at its best, and a
// module that imports them, which then stands in for src/world/embedded-assets.ts.
//
//   bun scripts/embed-assets.ts          after `vite build web`; writes dist/page/ and dist/assets.generated.ts
//   pageIn(generated)                    the bundler plugin that makes the swap
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import type { BunPlugin } from "bun";
import { readAssetFiles } from "../src/world/asset-files.ts";

const root = resolve(import.meta.dirname, "..");

/** Writes the module and the files it names; returns the module's path. */
export async function embedAssets(
  built = join(root, "web/dist"),
  into = join(root, "dist"),
): Promise<string> {
  const assets = await readAssetFiles(built);
  const folder = join(into, "page");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const imports: string[] = [];
  const rows: string[] = [];
  for (const [number, [path, { bytes, type, etag, immutable }]] of assets.entries()) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    const br = brotliCompressSync(bytes, { params });
    const brotli = br.length < bytes.length;
    // `.bin`, so that no loader of the bundler takes a liking to them.
    const name = `${number}.bin`;
    await Bun.write(join(folder, name), brotli ? br : bytes);
    imports.push(`import file${number} from "./page/${name}" with { type: "file" };`);
    rows.push(`  { ...${JSON.stringify({ path, type, etag, immutable, brotli })}, file: file${number} },`);
  }
  const generated = join(into, "assets.generated.ts");
  const heading = "// Written by scripts/embed-assets.ts. Do not edit.";
  await Bun.write(
    generated,
    [heading, ...imports, "", "export const embeddedAssets = [", ...rows, "];", ""].join("\n"),
  );
  return generated;
}

export function pageIn(generated: string): BunPlugin {
  return {
    name: "page",
    setup(build) {
      build.onResolve({ filter: /\/embedded-assets\.ts$/ }, () => ({ path: generated }));
    },
  };
}

if (import.meta.main) {
  const generated = await embedAssets();
  process.stdout.write(`${generated}\n`);
}
