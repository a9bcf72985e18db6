// The file system that every machine of these tests boots from. Built once and kept in the person's cache;
// machines write into layers of their own above it.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const BUILD = join(import.meta.dir, "build-root.sh");
const TOOLS = ["mmdebstrap", "systemd-nspawn", "unshare", "nsenter", "ip", "ssh", "ssh-keygen", "curl"];
const BUILD_TIMEOUT_MS = 480_000;

/** Another script builds another root. */
export function rootFolder(): string {
  const mark = createHash("sha256").update(readFileSync(BUILD)).digest("hex").slice(0, 12);
  const caches = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(caches, "muster-test", `bookworm-${mark}`);
}

/** Why no machine can be booted here; undefined where one can. Builds the file system the first time. */
export function machineProblem(): string | undefined {
  if (process.env["MUSTER_TEST_MACHINE"] === "0") return "MUSTER_TEST_MACHINE=0";
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  const missing = TOOLS.filter((tool) => Bun.which(tool) === null);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  const tried = Bun.spawnSync(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "true"]);
  if (!tried.success) return `needs namespaces: ${tried.stderr.toString().trim()}`;
  const folder = rootFolder();
  if (existsSync(folder)) return undefined;
  // What another script has built stays: a machine of another checkout may run on it.
  mkdirSync(dirname(folder), { recursive: true });
  const built = Bun.spawnSync(["sh", BUILD, folder], { timeout: BUILD_TIMEOUT_MS, stdin: "ignore" });
  return built.success
    ? undefined
    : `its packages can't be had: ${built.stderr.toString().slice(-500).trim()}`;
}
