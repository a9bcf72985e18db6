// `npm start`: from a fresh clone to a running hub and agent, in the foreground.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { bun, ensureDependencies, root } from "./dependencies.mjs";

ensureDependencies();
const child = spawn(
  bun,
  [join(root, "src", "main.ts"), "start", "--foreground", "--no-tunnel", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
// The child is in the same foreground group and gets the terminal's signals itself; a signal sent to this
// process alone is passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
