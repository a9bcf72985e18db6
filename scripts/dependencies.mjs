// Installs what package-lock.json names, once per version of that file. Plain Node, because it runs before
// anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const bun = join(root, "node_modules", ".bin", "bun");

const stamp = join(root, "node_modules", ".muster-lock");

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function bunRuns() {
  return existsSync(bun) && spawnSync(bun, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Makes node_modules match the lock file. Exits with npm's own words when it can't. */
export function ensureDependencies() {
  const hash = lockHash();
  const known = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  if (known === hash && bunRuns()) return;
  process.stderr.write("Installing dependencies (the first time, and when they change)...\n");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (npm.status !== 0) fail("npm could not install the dependencies", "look at npm's own message above");
  // Some npm versions run no install scripts of packages; Bun's only puts its binary in place.
  if (!bunRuns()) {
    spawnSync("node", ["install.js"], { cwd: join(root, "node_modules", "bun"), stdio: "ignore" });
  }
  if (!bunRuns())
    fail(
      "the Bun runtime does not run on this machine",
      "Muster needs Linux, macOS or Windows on x86_64 or arm64",
    );
  writeFileSync(stamp, hash);
}

function fail(message, hint) {
  process.stderr.write(`muster: error: ${message}\nmuster: hint: ${hint}\n`);
  process.exit(1);
}
