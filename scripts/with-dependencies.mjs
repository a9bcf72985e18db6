// Runs a tool of node_modules/.bin after making sure that it is there.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureDependencies, root } from "./dependencies.mjs";

ensureDependencies();
const [tool, ...rest] = process.argv.slice(2);
const run = spawnSync(join(root, "node_modules", ".bin", tool), rest, { cwd: root, stdio: "inherit" });
process.exit(run.status ?? 1);
