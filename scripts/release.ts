// `npm run release`: the programs of every platform, from this one machine, with a manifest that names each by
// size and SHA-256 and is signed by the release key. The folder it writes is what a hub serves.
//
//   npm run release                         dist/release/VERSION/
//   npm run release -- --only linux-arm64   one platform (again for more)
//   npm run release -- --make-key FILE      a new release key; keep it off the hub
//
// MUSTER_RELEASE_KEY names the key's file. The date is the last commit's (or SOURCE_DATE_EPOCH's), so that the
// same sources make the same release.
import { createHash } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import facts from "../package.json" with { type: "json" };
import { toBase64Url } from "../src/protocol/bytes.ts";
import {
  isReleasePlatform,
  MANIFEST_NAME,
  PLATFORM_WITHOUT_BUILD,
  programFileName,
  RELEASE_PLATFORMS,
  releaseManifest,
  SIGNATURE_NAME,
  WITHOUT_BUILD_TEXT,
  type ReleaseFile,
  type ReleasePlatform,
} from "../src/protocol/release.ts";
import { CLOUDFLARED_PINS } from "../src/program/cloudflared/pins.ts";
import { signManifest } from "../src/program/upgrade/manifest.ts";
import { buildPage, compile } from "./compile.ts";
import { crypto, makeReleaseKey, releaseSigner } from "./release-key.ts";
import { runtimeFor } from "./runtimes.ts";

const root = resolve(import.meta.dirname, "..");

const { values } = parseArgs({
  options: {
    "make-key": { type: "string" },
    only: { type: "string", multiple: true, default: [...RELEASE_PLATFORMS] },
    out: { type: "string", default: join(root, "dist/release", facts.version) },
    "keep-page": { type: "boolean", default: false },
  },
});

try {
  const keyFile = values["make-key"];
  if (keyFile !== undefined) {
    const publicKey = await makeReleaseKey(keyFile);
    console.log(`The key is in ${keyFile}. Its public half, which builds carry: ${publicKey}`);
  } else {
    await release(values.only.map(platformOf), resolve(values.out));
  }
} catch (error) {
  console.error(`muster: error: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

function platformOf(text: string): ReleasePlatform {
  if (isReleasePlatform(text)) return text;
  if (text === PLATFORM_WITHOUT_BUILD) throw new Error(WITHOUT_BUILD_TEXT);
  throw new Error(`"${text}" is none of ${RELEASE_PLATFORMS.join(", ")}`);
}

/** Into a folder beside it, then renamed: a release that a hub sees is whole. */
async function release(platforms: readonly ReleasePlatform[], out: string): Promise<void> {
  const signer = await releaseSigner();
  const releasedAt = releaseDate();
  const fresh = `${out}.making`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  if (!values["keep-page"]) buildPage();
  const releaseKey = signer === undefined ? undefined : toBase64Url(signer.publicKey);
  const files: ReleaseFile[] = [];
  for (const platform of platforms) {
    const file = programFileName(platform);
    const runtime = await runtimeFor(platform);
    await compile({ outfile: join(fresh, file), runtime, facts: { releaseKey, releasedAt } });
    const { size } = await stat(join(fresh, file));
    files.push({ platform, file, size, sha256: await sha256Of(join(fresh, file)) });
    console.log(`${platform.padEnd(15)} ${(size / 1e6).toFixed(0).padStart(4)} MB  ${files.at(-1)?.sha256}`);
  }
  const manifest = releaseManifest.parse({
    version: facts.version,
    released_at: new Date(releasedAt).toISOString(),
    files,
    cloudflared: CLOUDFLARED_PINS,
  });
  const bytes = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  await Bun.write(join(fresh, MANIFEST_NAME), bytes);
  if (signer !== undefined) {
    await Bun.write(join(fresh, SIGNATURE_NAME), await signManifest(crypto, signer, bytes));
  }
  await rm(out, { recursive: true, force: true });
  await mkdir(dirname(out), { recursive: true });
  await rename(fresh, out);
  console.log(out);
  if (signer === undefined) {
    console.log("unsigned: MUSTER_RELEASE_KEY names no key, so nothing can upgrade to this by itself");
  }
}

function releaseDate(): number {
  const epoch = process.env["SOURCE_DATE_EPOCH"] ?? commitTime();
  const seconds = Number(epoch);
  return epoch !== "" && Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : Date.now();
}

function commitTime(): string {
  const git = Bun.spawnSync(["git", "log", "-1", "--format=%ct"], { cwd: root, stderr: "ignore" });
  return git.success ? git.stdout.toString().trim() : "";
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest("hex");
}
