// The real program, compiled: handed out by a real hub, installed by its script, replaced by a signed
// successor, and taken back when that does not come up. And the program for the other CPU, run.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPage, compile, ownPlatform } from "../../scripts/compile.ts";
import { crypto } from "../../scripts/release-key.ts";
import { ownRuntime, runtimeFor } from "../../scripts/runtimes.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { programFileName } from "../../src/protocol/release.ts";
import { signManifest } from "../../src/program/upgrade/manifest.ts";
import { Home, hubIn } from "../e2e/harness.ts";
import { until } from "../e2e/until.ts";

const SIGNER = crypto.ed25519Signer(crypto.randomBytes(32));
const STRANGER = crypto.ed25519Signer(crypto.randomBytes(32));
const FIRST = "7.0.0";
const SECOND = "7.1.0";
const BROKEN = "7.2.0";
const RELEASED_AT = Date.UTC(2026, 10, 1);

const platform = ownPlatform();
const name = programFileName(platform);
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-release-"));
  if (!existsSync("web/dist/index.html")) buildPage();
  const releaseKey = toBase64Url(SIGNER.publicKey);
  for (const [version, releasedAt] of [
    [FIRST, RELEASED_AT],
    [SECOND, RELEASED_AT + 1000],
  ] as const) {
    const outfile = join(folder, version, name);
    await compile({ outfile, runtime: ownRuntime, facts: { releaseKey, releasedAt }, version });
  }
  // It says its version, and can do nothing else.
  const broken = `#!/bin/sh\n[ "$1" = version ] && echo "muster ${BROKEN}" && exit 0\nexit 1\n`;
  await Bun.write(join(folder, BROKEN, name), broken);
  await chmod(join(folder, BROKEN, name), 0o755);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Puts this version into the folder that the hub hands out from. */
async function release(
  hub: Home,
  version: string,
  { signer = SIGNER, releasedAt = RELEASED_AT + 5000 } = {},
) {
  const into = join(hub.path, "hub/releases");
  const program = join(folder, version, name);
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  await copyFile(program, join(into, name));
  const { size } = await stat(program);
  const sha256 = new Bun.CryptoHasher("sha256").update(await Bun.file(program).bytes()).digest("hex");
  const manifest = {
    version,
    released_at: new Date(releasedAt).toISOString(),
    files: [{ platform, file: name, size, sha256 }],
    cloudflared: null,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  await Bun.write(join(into, "manifest.json"), bytes);
  await Bun.write(join(into, "manifest.sig"), await signManifest(crypto, signer, bytes));
}

test("a machine is installed by its hub, upgraded by a signed release, and rolled back from a broken one", async () => {
  await using home = new Home();
  const { hub_url } = await hubIn(home);
  await release(home, FIRST);
  const { token, install } = await home.ok(["device", "token"]);
  expect(install).toBe(`curl -fsSL ${hub_url}/install.sh | sh -s -- ${token}`);

  await using device = new Home();
  const program = join(device.path, "bin/muster");
  const runInstall = () =>
    device.run(["-c", `${install} --no-service`], { program: ["sh"], env: { HOME: device.folder } });
  const installed = await runInstall();
  expect([installed.code, installed.stdout]).toEqual([
    0,
    expect.stringContaining(`Installed muster ${FIRST}`),
  ]);
  // Again, with the token that is spent by now.
  const again = await runInstall();
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("is up to date")]);
  const options = { program: [program] };
  expect((await device.ok(["version"], options)).version).toBe(FIRST);
  const { pid } = await device.ok(["start"], options);

  expect(await device.ok(["upgrade", "--check"], options)).toMatchObject({
    state: "current",
    running: FIRST,
  });

  await release(home, SECOND, { signer: STRANGER });
  expect((await device.refused(["upgrade"], options)).code).toBe("bad_signature");
  await release(home, SECOND, { releasedAt: RELEASED_AT - 1 });
  expect((await device.refused(["upgrade"], options)).code).toBe("upgrade_refused");
  expect([(await device.ok(["version"], options)).version, device.agentPid()]).toEqual([FIRST, pid]);

  await release(home, SECOND);
  const upgraded = await device.ok(["upgrade"], options);
  expect(upgraded).toMatchObject({ state: "upgraded", running: FIRST, offered: SECOND, restarted: true });
  expect((await device.ok(["version"], options)).version).toBe(SECOND);
  expect(device.agentPid()).not.toBe(pid);
  expect((await device.ok(["status"], options)).hub.state).toBe("connected");

  // The first again is a step back.
  await release(home, FIRST);
  expect((await device.refused(["upgrade"], options)).message).toContain("only a higher one is taken");

  const before = device.agentPid();
  await release(home, BROKEN);
  const refused = await device.refused(["upgrade"], options);
  expect(refused).toMatchObject({ code: "upgrade_refused" });
  expect(refused.message).toContain(`${SECOND} is back and runs`);
  expect((await device.ok(["version"], options)).version).toBe(SECOND);
  expect(device.agentPid()).not.toBe(before);
  await until("its session with the hub", async () => {
    return (await device.ok(["status"], options)).hub.state === "connected";
  });
}, 120_000);

test("a program that runs from a checkout says how that is updated", async () => {
  await using home = new Home();
  await home.start();
  const refused = await home.refused(["upgrade"]);
  expect(refused).toMatchObject({ code: "upgrade_refused", hint: expect.stringContaining("git pull") });
});

const QEMU = "qemu-aarch64-static";
/** Of Debian's libc6-arm64-cross. */
const LIBC = "/usr/aarch64-linux-gnu";
const canRun = Bun.which(QEMU) !== null && existsSync(`${LIBC}/lib/ld-linux-aarch64.so.1`);

describe.skipIf(!canRun)(`the program for linux-arm64${canRun ? "" : ` (needs ${QEMU} and ${LIBC})`}`, () => {
  test("runs, and is a hub", async () => {
    const outfile = join(folder, "muster-linux-arm64");
    const runtime = await runtimeFor("linux-arm64").catch((error: unknown) => {
      // It comes from a registry once; without one there is nothing to try.
      console.error(`(skip) the program for linux-arm64: ${String(error)}`);
      return undefined;
    });
    if (runtime === undefined) return;
    await compile({ outfile, runtime, facts: { releaseKey: undefined, releasedAt: 0 } });
    await using home = new Home([QEMU, "-L", LIBC, outfile]);
    expect((await home.ok(["version"])).version).toMatch(/^\d+\.\d+\.\d+$/);
    const { hub_url } = await hubIn(home);
    expect((await fetch(`${hub_url}/health`)).status).toBe(200);
  }, 120_000);
});
