// `npm run build`: the page, and one file that is the whole program. `--target` builds for another platform
// (bun-linux-arm64, bun-darwin-arm64, …); the default is this machine's.
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { embedAssets, pageIn } from "./embed-assets.ts";

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: { target: { type: "string" }, out: { type: "string", default: join(root, "dist", "muster") } },
});

const page = Bun.spawnSync(
  [process.execPath, "--bun", join(root, "node_modules/.bin/vite"), "build", "web"],
  {
    cwd: root,
    stdout: "ignore",
    stderr: "inherit",
  },
);
if (!page.success) throw new Error("the page could not be built");
const generated = await embedAssets();
await mkdir(join(root, "dist"), { recursive: true });
await rm(values.out, { force: true });
const result = await Bun.build({
  entrypoints: [join(root, "src/main.ts")],
  target: "bun",
  format: "esm",
  minify: true,
  bytecode: true,
  plugins: [pageIn(generated)],
  compile: {
    outfile: values.out,
    // The type lists the platforms of the Bun that it came with; a wrong one is refused by the build itself.
    ...(values.target === undefined ? {} : { target: values.target as Bun.Build.CompileTarget }),
  },
});
for (const log of result.logs) console.error(log.message);
if (!result.success) process.exit(1);
console.log(values.out);
