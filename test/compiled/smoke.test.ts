// The program as one file: built once, moved to a folder of its own where neither sources nor dependencies
// are, and held to the same contract as the checkout.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { agentIn, Home, hubIn, portOf } from "../e2e/harness.ts";
import { within } from "../e2e/until.ts";
import { ask, field, text } from "../e2e/wire.ts";

const root = resolve(import.meta.dir, "..", "..");
const BUILD_TIMEOUT_MS = 180_000;
/** What it is to reach on a quiet machine is 30 ms; tests run on busy ones. */
const HELP_BELOW_MS = 100;

let folder: string;
let binary: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "muster-compiled-"));
  binary = join(folder, "muster");
  const given = process.env["MUSTER_BINARY"];
  if (given !== undefined) return copyFileSync(given, binary);
  const build = Bun.spawn(["npm", "run", "build", "--silent", "--", "--out", binary], {
    cwd: root,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = new Response(build.stderr).text();
  const code = await within(BUILD_TIMEOUT_MS, "the build", build.exited);
  if (code !== 0) throw new Error(`the build failed: ${await stderr}`);
}, BUILD_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** No Bun and no Node within reach. */
const alone = { PATH: "/usr/bin:/bin" };

test("--help is there at once", () => {
  const runs = Array.from({ length: 11 }, () => {
    const began = performance.now();
    const { exitCode, stdout, resourceUsage } = Bun.spawnSync([binary, "--help"], { cwd: folder });
    expect([exitCode, stdout.toString()]).toEqual([0, expect.stringContaining("muster")]);
    return { ms: performance.now() - began, workMs: Number(resourceUsage.cpuTime.total) / 1000 };
  });
  const ms = Math.min(...runs.map((run) => run.ms));
  const workMs = Math.min(...runs.map((run) => run.workMs));
  const size = (statSync(binary).size / 1e6).toFixed(0);
  console.log(`--help: ${ms.toFixed(1)} ms, ${workMs.toFixed(1)} ms of work, ${size} MB`);
  // The time on the wall says as much of what else this machine does.
  expect(workMs).toBeLessThan(HELP_BELOW_MS);
});

test("one machine: start, a page with its URL, the sign-in page with all it needs, stop", async () => {
  await using home = new Home([binary]);
  const started = await home.ok(["start", "--port", "0"], { env: alone });
  home.write("site/index.html", "from one file");
  const added = await home.add("site");
  const headers = { "muster-password": added.password ?? "" };
  expect(text(await ask(added.url, { headers }))).toBe("from one file");

  const page = await ask(new URL("/", started.login_url).href);
  expect([page.status, field(page, "content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(field(page, "content-security-policy")).toContain("default-src 'none'");
  const assets = [...text(page).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? "");
  expect(assets.length).toBeGreaterThanOrEqual(2);
  for (const path of assets) {
    const asset = await ask(new URL(path, started.login_url).href);
    expect([path, asset.status, asset.length > 0]).toEqual([path, 200, true]);
  }
  expect(await home.ok(["stop"])).toMatchObject({ stopped: true });
  expect(home.processes()).toEqual([]);
});

test("two machines: hub, token, init, agent", async () => {
  await using owner = new Home([binary]);
  await using device = new Home([binary]);
  const { hub_url: hubUrl } = await hubIn(owner);
  await agentIn(device, { owner, hubUrl, name: "second" });
  device.write("site/index.html", "from the second");
  const { url } = await device.add("site", "--public");
  expect(portOf(url)).toBe(portOf(hubUrl));
  expect(text(await ask(url))).toBe("from the second");
});

test("the contract of the checkout is its contract", async () => {
  const suite = Bun.spawn([process.execPath, "test", "--timeout", "60000", "./test/e2e/contract.test.ts"], {
    cwd: root,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: { ...process.env, MUSTER_BINARY: binary, NO_COLOR: "1" },
  });
  const output = new Response(suite.stderr).text();
  const code = await suite.exited;
  if (code !== 0) throw new Error(await output);
}, 120_000);
