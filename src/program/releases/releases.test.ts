import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_DOWNLOADS } from "../../hub/downloads/downloads.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { findRelease } from "./find-release.ts";
import { downloadsOf } from "./open-downloads.ts";
import { onceForAll } from "./own-program.ts";
import { ProgramFiles } from "./program-files.ts";

const PROGRAM = "the program";

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

async function folders(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "muster-releases-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function release(folder: string, version: string, changes: object = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = {
    platform: "linux-arm64",
    file: "muster-linux-arm64",
    size: PROGRAM.length,
    sha256: sha256(PROGRAM),
  };
  const manifest = {
    version,
    released_at: "2026-11-20T06:00:00Z",
    files: [file],
    cloudflared: null,
    ...changes,
  };
  await Bun.write(join(folder, "manifest.json"), JSON.stringify(manifest));
  await Bun.write(join(folder, "muster-linux-arm64"), PROGRAM);
}

test("a hub hands out the highest version of its folders, and none below its own", async () => {
  await using at = await folders();
  const found = async (ownVersion = "1.0.0") =>
    (await findRelease([join(at.path, "none"), at.path], { ownVersion }))?.manifest.version;
  expect(await found()).toBeUndefined();
  await release(join(at.path, "1.2.0"), "1.2.0");
  await release(join(at.path, "1.10.0"), "1.10.0");
  await release(join(at.path, "notes"), "9.0.0");
  expect(await found()).toBe("1.10.0");
  expect(await found("1.10.0")).toBe("1.10.0");
  expect(await found("2.0.0")).toBeUndefined();
  await release(at.path, "3.0.0");
  expect(await found("2.0.0")).toBe("3.0.0");
});

test("what is no manifest, or is older than the sources, is no release", async () => {
  await using at = await folders();
  await release(at.path, "1.0.0", { files: [] });
  expect(await findRelease([at.path], { ownVersion: "1.0.0" })).toBeUndefined();
  await Bun.write(join(at.path, "manifest.json"), "x".repeat(1024 * 1024));
  expect(await findRelease([at.path], { ownVersion: "1.0.0" })).toBeUndefined();
  await release(at.path, "1.0.0");
  await utimes(join(at.path, "manifest.json"), 1000, 1000);
  const options = { ownVersion: "1.0.0", notBeforeMs: 1_000_001 };
  expect(await findRelease([at.path], options)).toBeUndefined();
  expect(await findRelease([at.path], { ...options, notBeforeMs: 1_000_000 })).toMatchObject({
    folder: at.path,
    signature: undefined,
  });
});

test("a file that is not the manifest's is not handed out", async () => {
  await using at = await folders();
  await release(at.path, "1.0.0");
  const path = join(at.path, "muster-linux-arm64");
  const files = new ProgramFiles(join(at.path, "cache"), SILENT_LOG);
  const announced = { size: PROGRAM.length, sha256: sha256(PROGRAM) };
  expect(await files.open("linux-arm64", path, announced)).toMatchObject({ sha256: sha256(PROGRAM) });
  await Bun.write(path, "another one");
  expect(await files.open("linux-arm64", path, announced)).toBeUndefined();
  expect(await files.open("linux-arm64", join(at.path, "none"))).toBeUndefined();
  await files.settled();
});

test("a program is compressed once, in the background, and old ones are forgotten", async () => {
  await using at = await folders();
  const cache = join(at.path, "cache");
  const path = join(at.path, "muster");
  const files = new ProgramFiles(cache, SILENT_LOG);
  for (const text of [PROGRAM, "a later program"]) {
    await Bun.write(path, text);
    expect((await files.open("linux-arm64", path))?.gzip).toBeUndefined();
    await files.settled();
    const { gzip } = (await files.open("linux-arm64", path)) ?? {};
    expect(Buffer.from(Bun.gunzipSync(await (gzip ?? new Blob()).arrayBuffer())).toString()).toBe(text);
    expect(await readdir(cache)).toEqual([`linux-arm64-${sha256(text)}.gz`]);
  }
});

test("a program that can't be compressed travels as it is", async () => {
  await using at = await folders();
  await Bun.write(join(at.path, "cache"), "a file where the folder should be");
  await Bun.write(join(at.path, "muster"), PROGRAM);
  const files = new ProgramFiles(join(at.path, "cache"), SILENT_LOG);
  for (let ask = 0; ask < 2; ask += 1) {
    const program = await files.open("linux-arm64", join(at.path, "muster"));
    expect([await program?.bytes.text(), program?.gzip]).toEqual([PROGRAM, undefined]);
    await files.settled();
  }
});

test("without a release a hub hands out itself, for its own platform alone", async () => {
  await using at = await folders();
  await Bun.write(join(at.path, "muster"), PROGRAM);
  const files = new ProgramFiles(join(at.path, "cache"), SILENT_LOG);
  const own = { platform: "linux-x86_64", path: () => Promise.resolve(join(at.path, "muster")) } as const;
  const alone = downloadsOf({ own, files, find: () => Promise.resolve(undefined) });
  expect((await alone.program("linux-x86_64"))?.sha256).toBe(sha256(PROGRAM));
  expect(await alone.program("linux-arm64")).toBeUndefined();
  expect([await alone.platforms(), await alone.manifest()]).toEqual([["linux-x86_64"], undefined]);
  await release(at.path, "1.0.0");
  const both = downloadsOf({ own, files, find: () => findRelease([at.path], { ownVersion: "1.0.0" }) });
  expect(await both.platforms()).toEqual(["linux-arm64", "linux-x86_64"]);
  expect((await both.program("linux-arm64"))?.name).toBe("muster-linux-arm64");
  expect((await both.manifest())?.signature).toBeUndefined();
  expect(await NO_DOWNLOADS.program("linux-x86_64")).toBeUndefined();
  await files.settled();
});

test("a hundred who ask at once wait for one build, and a failed one is tried again", async () => {
  let builds = 0;
  const path = onceForAll(async () => {
    builds += 1;
    await Promise.resolve();
    if (builds === 1) throw new Error("no disk");
    return "built";
  });
  const asked = await Promise.allSettled(Array.from({ length: 100 }, () => path()));
  expect([builds, new Set(asked.map(({ status }) => status))]).toEqual([1, new Set(["rejected"])]);
  expect(await Promise.all(Array.from({ length: 100 }, () => path()))).toEqual(Array(100).fill("built"));
  expect(builds).toBe(2);
});
