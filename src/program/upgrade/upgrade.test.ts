import { expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { bench, manifestOf, scriptOf, STRANGER, type Bench } from "./upgrade.fixture.ts";
import { askOffer, takeOffer } from "./upgrade.ts";

const NEW = scriptOf("1.1.0");

async function upgrade(on: Bench) {
  const offer = await askOffer(on.parts);
  return takeOffer(on.parts, offer.manifest);
}

async function content(on: Bench): Promise<{ program: string; files: string[] }> {
  return { program: await Bun.file(on.path).text(), files: (await readdir(on.folder)).toSorted() };
}

const UNCHANGED = { program: scriptOf("1.0.0"), files: ["muster"] };

test("puts the new program in place, keeps the one before and starts the agent anew", async () => {
  await using on = await bench();
  await on.offer(manifestOf("1.1.0", NEW));
  expect(await upgrade(on)).toMatchObject({ restarted: true });
  expect(await content(on)).toEqual({ program: NEW, files: ["muster", "muster.previous"] });
  expect(await Bun.file(`${on.path}.previous`).text()).toBe(scriptOf("1.0.0"));
  expect((await stat(on.path)).mode & 0o777).toBe(0o755);
  expect([on.agent.restarts, on.agent.now?.version]).toEqual([1, "1.1.0"]);
});

test("where no agent runs, none is started", async () => {
  await using on = await bench();
  on.agent.now = undefined;
  await on.offer(manifestOf("1.1.0", NEW));
  expect(await upgrade(on)).toMatchObject({ restarted: false });
  expect([(await content(on)).program, on.agent.restarts]).toEqual([NEW, 0]);
});

test("a build without a release key takes nothing, and says so", async () => {
  await using on = await bench();
  await on.offer(manifestOf("1.1.0", NEW));
  on.parts.program.build = { releaseKey: undefined, releasedAt: 0 };
  expect(askOffer(on.parts)).rejects.toMatchObject({
    code: "upgrade_refused",
    message: expect.stringContaining("unsigned"),
    hint: expect.stringContaining("install.sh"),
  });
});

test("a stranger's release is refused before anything is downloaded", async () => {
  await using on = await bench();
  await on.offer(manifestOf("1.1.0", NEW), { signer: STRANGER });
  on.served.delete("linux-x86_64");
  expect(upgrade(on)).rejects.toMatchObject({ code: "bad_signature" });
  expect(await content(on)).toEqual(UNCHANGED);
});

test("a hub without a release, or with an endless one, is told apart from one that is away", async () => {
  await using on = await bench();
  expect(askOffer(on.parts)).rejects.toMatchObject({ code: "not_found" });
  on.served.set("manifest.json", "x".repeat(1024 * 1024));
  expect(askOffer(on.parts)).rejects.toMatchObject({ message: expect.stringContaining("longer than") });
  on.parts.source = { ...on.parts.source, fetch: () => Promise.reject(new Error("refused")) };
  expect(askOffer(on.parts)).rejects.toMatchObject({ code: "hub_unreachable" });
});

test("a program that is not the manifest's leaves no trace, wherever it was cut", async () => {
  await using on = await bench();
  await on.offer(manifestOf("1.1.0", NEW));
  const wrong = [...Array(NEW.length).keys()].map((length) => NEW.slice(0, length));
  for (const program of [...wrong, `${NEW}x`, NEW.replace("echo", "ECHO"), "<html>sign in</html>"]) {
    on.served.set("linux-x86_64", program);
    expect(await upgrade(on).catch((error: unknown) => error)).toMatchObject({ code: "bad_signature" });
  }
  expect(await content(on)).toEqual(UNCHANGED);
});

test("a program that does not run here, or is another version, is not put in place", async () => {
  await using on = await bench();
  for (const program of ["#!/bin/sh\necho no such libc >&2; exit 3\n", scriptOf("9.9.9")]) {
    await on.offer(manifestOf("1.1.0", program), { program });
    expect(await upgrade(on).catch((error: unknown) => error)).toMatchObject({
      code: "upgrade_refused",
      message: expect.stringContaining("does not run on this system"),
    });
  }
  expect([await content(on), on.agent.restarts]).toEqual([UNCHANGED, 0]);
});

test("a manifest without this platform is refused", async () => {
  await using on = await bench();
  const { files } = manifestOf("1.1.0", NEW);
  await on.offer(
    manifestOf("1.1.0", NEW, { files: files.map((one) => ({ ...one, platform: "darwin-arm64" })) }),
  );
  expect(await upgrade(on).catch((error: unknown) => error)).toMatchObject({ code: "not_found" });
});

const FAILURES: Record<string, (on: Bench) => void> = {
  "never answers": (on) =>
    (on.agent.onRestart = (version) =>
      version === "1.1.0" ? undefined : { pid: 200 + on.agent.restarts, version, connected: true }),
  "answers and has no hub": (on) =>
    (on.agent.onRestart = (version) => ({
      pid: 200 + on.agent.restarts,
      version,
      connected: version !== "1.1.0",
    })),
  "is still the old process": (on) =>
    (on.agent.onRestart = (version) =>
      version === "1.1.0" ? on.agent.now : { pid: 300, version, connected: true }),
  "can't be started": (on) =>
    (on.agent.onRestart = (version) => {
      if (version === "1.1.0") throw new Error("no such libc");
      return { pid: 300, version, connected: true };
    }),
};

for (const [what, arrange] of Object.entries(FAILURES)) {
  test(`a new version that ${what} is rolled back`, async () => {
    await using on = await bench();
    arrange(on);
    await on.offer(manifestOf("1.1.0", NEW));
    expect(await upgrade(on).catch((error: unknown) => error)).toMatchObject({
      code: "upgrade_refused",
      message: expect.stringContaining("1.0.0 is back and runs"),
    });
    expect(await content(on)).toEqual(UNCHANGED);
    expect([on.agent.restarts, on.agent.now?.version]).toEqual([2, "1.0.0"]);
  });
}

test("a roll-back that does not come up either says so", async () => {
  await using on = await bench();
  on.agent.onRestart = () => undefined;
  await on.offer(manifestOf("1.1.0", NEW));
  expect(await upgrade(on).catch((error: unknown) => error)).toMatchObject({
    message: expect.stringContaining("1.0.0 is back and does not run"),
    hint: expect.stringContaining("muster start"),
  });
  expect((await content(on)).program).toBe(scriptOf("1.0.0"));
});
