// `npm test`: the gate. Every suite, nearly all one after the other, with what each one needs installed where that is
// possible. A suite that passes is one line, one that fails shows all that it has to say; what could not run is
// listed with its reason, and one line counts it all at the end.
//
//   npm test                  everything
//   npm test -- unit lint     only these suites
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
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
  { name: "documents", run: () => bunTest(["test/docs"], { real: true }) },
  { name: "unit", run: () => bunTest(["src", "web", "scripts"], { atOnce: 2, shared: true }) },
  { name: "hostile hub", run: () => bunTest(["test/hostile-hub"], { real: true }) },
  { name: "delivery", run: () => bunTest(["test/delivery"]) },
  { name: "simulation", run: () => bunTest(["test/simulation"]) },
  // They wait more than they work: each file has homes and ports of its own.
  { name: "end to end", run: () => bunTest(["test/e2e"], { atOnce: 3, real: true }) },
  // Machines that boot leave the processor to others most of the time.
  { name: "machine", beside: true, run: () => bunTest(["test/machine"], { real: true }) },
  { name: "browser", needs: ["chromium"], run: () => bunTest(["test/browser"], { real: true }) },
  { name: "release", run: () => bunTest(["test/release"], { real: true }) },
  { name: "compiled", run: () => bunTest(["test/compiled"], { real: true }) },
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

/**
 * `atOnce`: how many files run beside each other; `shared`: in processes that serve many files. `real`: its files drive
 * real programs against real time, so one that fails runs once more by itself; what it failed at first is told all the
 * same.
 */
async function bunTest(paths, { atOnce = 1, shared = false, real = false } = {}) {
  const there = paths.filter((path) => existsSync(join(root, path)));
  if (there.length === 0) return true;
  const parallel = atOnce === 1 ? [] : [`--parallel=${atOnce}`, ...(shared ? ["--no-isolate"] : [])];
  const folders = there.map((path) => `./${path}/`);
  const first = await runTests([...parallel, ...folders]);
  const files = real && !first.ok ? failedFiles(first.report) : [];
  if (files.length === 0) {
    show(first);
    if (!first.ok && !/^ *[1-9]\d* fail$/m.test(first.output)) counts.failed += 1;
    return first.ok;
  }
  const second = await runTests(files.map((file) => `./${file}`));
  if (!second.ok) {
    show(first);
    process.stdout.write(second.output);
    return false;
  }
  const names = new Set(first.output.split("\n").filter((line) => line.startsWith("(fail)")));
  process.stdout.write(`passed by itself at a second run: ${files.join(", ")}. At first:\n`);
  for (const name of names) process.stdout.write(`  ${name}\n`);
  count(first.output, "pass", "passed");
  count(first.output, "fail", "passed");
  count(first.output, "skip", "skipped");
  return true;
}

async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), "muster-test-"));
  const report = join(folder, "report.xml");
  const reported = ["--reporter=junit", `--reporter-outfile=${report}`];
  const { ok, output } = await run(bun, ["test", "--timeout", "60000", ...reported, ...args]);
  const text = existsSync(report) ? readFileSync(report, "utf8") : "";
  rmSync(folder, { recursive: true, force: true });
  return { ok, output, report: text };
}

/** Of a JUnit report: a file stands there once for itself and once for each group in it. */
function failedFiles(report) {
  const suites = report.matchAll(/<testsuite [^>]*?file="([^"]+)"[^>]*? failures="[1-9]/g);
  return [...new Set([...suites].map(([, file]) => file))];
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
