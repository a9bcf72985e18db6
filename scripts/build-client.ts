// `npm run build:client`: the library for other programs as a package in dist/client, one file for browsers, Bun
// and Node 20+ with its types beside it. `npm install ./dist/client` in another program takes it.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import facts from "../package.json" with { type: "json" };

const root = resolve(import.meta.dirname, "..");
const outdir = join(root, "dist", "client");

/** As tsconfig.json, but for one program, and into files. */
const TYPES =
  "src/library.ts --ignoreConfig --declaration --emitDeclarationOnly --rewriteRelativeImportExtensions " +
  "--target esnext --module preserve --moduleResolution bundler --lib esnext,dom,dom.iterable --types bun " +
  "--strict --skipLibCheck --exactOptionalPropertyTypes --rootDir src";

rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
const built = await Bun.build({
  entrypoints: [join(root, "src", "library.ts")],
  outdir,
  naming: "index.js",
  // Nothing of any one runtime: what all three have is all that the library uses.
  target: "browser",
  format: "esm",
});
if (!built.success) throw new AggregateError(built.logs, "the client library could not be built");

const types = Bun.spawnSync(
  [join(root, "node_modules", ".bin", "tsc"), ...TYPES.split(" "), "--outDir", join(outdir, "types")],
  { cwd: root },
);
if (types.exitCode !== 0) throw new Error(`no types of the client library: ${types.stdout.toString()}`);

const manifest = {
  name: "muster-client",
  version: facts.version,
  description: "Pair, send and hear through a Muster hub, sealed and exactly once.",
  license: facts.license,
  type: "module",
  exports: { ".": { types: "./types/library.d.ts", default: "./index.js" } },
  engines: facts.engines,
};
writeFileSync(join(outdir, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
console.log(outdir);
