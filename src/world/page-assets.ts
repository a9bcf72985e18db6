// The page's files: out of the compiled program, or out of this checkout's build, which is made anew when a
// source is younger than it.
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { Asset, Assets } from "../protocol/assets.ts";
import { MusterError } from "../protocol/errors.ts";
import { readAssetFiles } from "./asset-files.ts";
import { embeddedAssets, type EmbeddedAsset } from "./embedded-assets.ts";

/** What the page is made of; tests and stand-ins beside it are not. */
const SOURCES = [
  "web/src",
  "web/public",
  "web/index.html",
  "web/vite.config.ts",
  "src/protocol",
  "src/identity",
  "src/client",
  "src/trunk",
];
const NOT_SOURCE = /\.(?:test|fixture)\.tsx?$/;
/** Enough to halve what travels twice over, and done in milliseconds; the compiled program carries the best. */
const QUICK_QUALITY = 5;

/** Throws `unavailable` when there is no build and none can be made. */
export async function loadAssets(): Promise<Assets> {
  if (embeddedAssets !== undefined) return new Map(await Promise.all(embeddedAssets.map(loadEmbedded)));
  const root = resolve(import.meta.dirname, "../..");
  const built = join(root, "web/dist");
  if (await isStale(root, built)) await build(root, built);
  const assets = await readAssetFiles(built);
  return new Map(assets.map(([path, asset]) => [path, compressed(asset)]));
}

async function loadEmbedded(embedded: EmbeddedAsset): Promise<[string, Asset]> {
  const { path, type, etag, immutable } = embedded;
  const stored = await Bun.file(embedded.file).bytes();
  const facts = { type, etag, immutable };
  if (!embedded.brotli) return [path, { ...facts, bytes: stored }];
  return [path, { ...facts, bytes: new Uint8Array(brotliDecompressSync(stored)), br: stored }];
}

function compressed(asset: Asset): Asset {
  const params = { [constants.BROTLI_PARAM_QUALITY]: QUICK_QUALITY };
  const br = new Uint8Array(brotliCompressSync(asset.bytes, { params }));
  return br.length < asset.bytes.length ? { ...asset, br } : asset;
}

async function isStale(root: string, built: string): Promise<boolean> {
  const index = await stat(join(built, "index.html")).catch(() => undefined);
  if (index === undefined) return true;
  for (const source of SOURCES) {
    if ((await newest(join(root, source))) > index.mtimeMs) return true;
  }
  return false;
}

/** When the youngest source at or below the path was changed, in milliseconds since the epoch. */
async function newest(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return 0;
  if (!info.isDirectory()) return info.mtimeMs;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !NOT_SOURCE.test(entry.name));
  const times = await Promise.all(
    files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mtimeMs),
  );
  return Math.max(0, ...times);
}

/** Into a folder of its own, then swapped in: two programs that build at once never see half of a page. */
async function build(root: string, built: string): Promise<void> {
  const vite = join(root, "node_modules/.bin/vite");
  if (!existsSync(vite)) {
    if (existsSync(built)) return; // an older page beats none, and this checkout can't make another
    throw new MusterError("unavailable", "the page is not built", { hint: `run \`npm ci\` in ${root}` });
  }
  if (process.stderr.isTTY) process.stderr.write("muster: building the page…\n");
  const fresh = join(root, "node_modules/.cache", `muster-page-${process.pid}`);
  await mkdir(dirname(fresh), { recursive: true });
  const child = Bun.spawn(
    [
      process.execPath,
      "--bun",
      vite,
      "build",
      join(root, "web"),
      "--outDir",
      fresh,
      "--emptyOutDir",
      "--logLevel",
      "error",
    ],
    // A test's NODE_ENV would put React's slow development half into the page.
    {
      cwd: root,
      env: { ...process.env, NODE_ENV: "production" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    },
  );
  const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) {
    await rm(fresh, { recursive: true, force: true });
    throw new MusterError("internal", `the page could not be built: ${said.trim().slice(0, 1000)}`);
  }
  await swap(fresh, built);
}

async function swap(fresh: string, built: string): Promise<void> {
  const old = `${fresh}-old`;
  await rename(built, old).catch(() => undefined); // the first build has nothing to put aside
  // Another program was quicker: its build is of the same sources, and ours is thrown away.
  await rename(fresh, built).catch(() => rm(fresh, { recursive: true, force: true }));
  await rm(old, { recursive: true, force: true });
}
