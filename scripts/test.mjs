// `npm test`: the gate. Every suite, nearly all one after the other, with what each one needs installed where that is
// possible. A suite that passes is one line, one that fails shows all that it has to say; what could not run is
// listed with its reason, and one line counts it all at the end.
//
//   npm test                  everything
//   npm test -- unit lint     only these suites
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { bun, ensureDependencies, root } from "./dependencies.mjs";

/** Debian packages of the suites, by the program (or file) that shows whether each is there. */
const PACKAGES = {
  nginx: "nginx-light",
  chromium: "chromium",
  curl: "curl",
  zsh: "zsh",
  fish: "fish",
  shellcheck: "shellcheck",
  dash: "dash",
  busybox: "busybox",
  mksh: "mksh",
  mmdebstrap: "mmdebstrap",
  "systemd-nspawn": "systemd-container",
  ip: "iproute2",
  ssh: "openssh-client",
  caddy: "caddy",
  jq: "jq",
  pg_ctlcluster: "postgresql",
  "qemu-aarch64-static": "qemu-user-static",
  "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1": "libc6-arm64-cross",
};

const folders = ["src", "web", "test", "bench", "scripts", "examples"];
const tool = (name) => join(root, "node_modules", ".bin", name);

const suites = [
  { name: "format", run: () => check(tool("oxfmt"), ["--check", ...folders]) },
  { name: "types", run: () => check(tool("tsc"), ["-p", "."]) },
  { name: "lint", run: () => check(tool("oxlint"), ["--type-aware", ...folders]) },
  { name: "dead code", run: () => check(tool("knip"), ["--no-progress"]) },
  {
    name: "scripts",
    needs: ["shellcheck"],
    run: () =>
      check("shellcheck", [
        "bin/muster",
        ".ci/run",
        "src/hub/downloads/install.sh",
        "test/machine/build-root.sh",
        "test/machine/lab.sh",
      ]),
  },
  { name: "boundaries", run: () => bunTest(["test/boundaries"]) },
  { name: "documents", run: () => realTests("test/docs") },
  { name: "unit", run: () => bunTest(["src", "web", "scripts"], ["--parallel=2", "--no-isolate"]) },
  // Their clocks are moved by hand, so nothing beside them makes them late.
  { name: "delivery", beside: true, run: () => bunTest(["test/delivery"]) },
  { name: "hostile hub", run: () => realTests("test/hostile-hub") },
  { name: "simulation", run: () => bunTest(["test/simulation"]) },
  // They wait more than they work: each file has homes and ports of its own. Those that take longest go first.
  {
    name: "end to end",
    run: () => realTests("test/e2e", { atOnce: 3, first: ["comeback", "failure", "device-life", "tasks"] }),
  },
  // Machines that boot leave the processor to others most of the time.
  { name: "machine", beside: true, run: () => realTests("test/machine") },
  { name: "browser", needs: ["chromium"], run: () => realTests("test/browser") },
  { name: "release", run: () => realTests("test/release") },
  { name: "compiled", run: () => realTests("test/compiled") },
];

const counts = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];
const failed = [];

ensureDependencies();
installPackages();
const wanted = process.argv.slice(2);
/** Under way beside those that follow. */
const beside = [];
for (const suite of suites) {
  if (wanted.length > 0 && !wanted.includes(suite.name)) continue;
  const missing = (suite.needs ?? []).filter((program) => !onPath(program));
  if (missing.length > 0) {
    skipped.push(`${suite.name}: ${missing.join(", ")} not found`);
    counts.skipped += 1;
  } else if (suite.beside) beside.push(judge(suite));
  else await judge(suite);
}
await Promise.all(beside);
for (const line of skipped) process.stdout.write(`skipped: ${line}\n`);
for (const name of failed) process.stdout.write(`failed: ${name}\n`);
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exit(failed.length > 0 ? 1 : 0);

async function judge(suite) {
  const began = Date.now();
  const ok = await suite.run();
  if (!ok) failed.push(suite.name);
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${ok ? "ok    " : "FAILED"} ${suite.name}, ${seconds} s\n`);
}

/** A tool that passes or fails as a whole. */
async function check(command, args) {
  const { ok, output } = await run(command, args);
  if (!ok) process.stdout.write(output);
  counts[ok ? "passed" : "failed"] += 1;
  return ok;
}

async function bunTest(folders, options = []) {
  const result = await runTests([...options, ...folders.map((folder) => `./${folder}/`)]);
  show(result);
  return result.ok;
}

/**
 * Files that drive real programs against real time, each in a process of its own. One that fails runs once more by
 * itself; what it failed at first is told all the same.
 */
async function realTests(folder, { atOnce = 1, first = [] } = {}) {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.ts"));
  const waiting = new Set([...first.map((name) => `${name}.test.ts`), ...names.sort()]);
  const again = [];
  const runNext = async () => {
    for (const name of waiting) {
      waiting.delete(name);
      const result = await runTests([`./${folder}/${name}`]);
      if (result.ok) show(result);
      else again.push({ name, result });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runNext));
  let ok = true;
  for (const { name, result } of again) {
    const second = await runTests([`./${folder}/${name}`]);
    if (!second.ok) {
      show(result);
      process.stdout.write(second.output);
      ok = false;
      continue;
    }
    show(second);
    const lines = result.output.split("\n").filter((line) => line.startsWith("(fail)"));
    process.stdout.write(`passed by itself at a second run: ${folder}/${name}. At first:\n`);
    for (const line of new Set(lines)) process.stdout.write(`  ${line}\n`);
  }
  return ok;
}

function runTests(args) {
  return run(bun, ["test", "--timeout", "60000", ...args]);
}

function show({ ok, output }) {
  const lines = output.split("\n");
  const shown = ok
    ? lines.filter((line) => line.startsWith("(skip)"))
    : lines.filter((line) => !line.startsWith("(pass)"));
  // Bun repeats at the end what was skipped or failed.
  for (const line of ok ? new Set(shown) : shown) process.stdout.write(`${line}\n`);
  count(output, "pass", "passed");
  count(output, "fail", "failed");
  count(output, "skip", "skipped");
  if (!ok && !/^ *[1-9]\d* fail$/m.test(output)) counts.failed += 1;
}

function run(command, args) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const [stdout, stderr] = [[], []];
  child.stdout.on("data", (bytes) => stdout.push(bytes));
  child.stderr.on("data", (bytes) => stderr.push(bytes));
  return new Promise((resolve) => {
    const end = (ok, more = "") =>
      resolve({ ok, output: `${Buffer.concat(stdout)}${Buffer.concat(stderr)}${more}` });
    child.on("error", (error) => end(false, `${error.message}\n`));
    child.on("close", (status) => end(status === 0));
  });
}

function count(output, word, key) {
  const found = new RegExp(`^ *(\\d+) ${word}$`, "m").exec(output);
  counts[key] += Number(found?.[1] ?? 0);
}

function installPackages() {
  const missing = Object.entries(PACKAGES).filter(([program]) => !onPath(program));
  if (missing.length === 0 || process.getuid?.() !== 0 || !isDebian()) return;
  process.stdout.write(
    `Installing ${missing.map(([, name]) => name).join(", ")} for the suites that need them...\n`,
  );
  const quiet = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  spawnSync("apt-get", ["update"], quiet);
  spawnSync(
    "apt-get",
    ["install", "-y", "--no-install-recommends", ...missing.map(([, name]) => name)],
    quiet,
  );
}

function isDebian() {
  return (
    existsSync("/etc/os-release") &&
    /debian/i.test(readFileSync("/etc/os-release", "utf8")) &&
    onPath("apt-get")
  );
}

function onPath(program) {
  if (program.startsWith("/")) return existsSync(program);
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
