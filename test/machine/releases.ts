// What the hub of these tests hands out: two signed versions of the real program, and one that is broken.
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPage, compile, ownPlatform } from "../../scripts/compile.ts";
import { crypto } from "../../scripts/release-key.ts";
import { ownRuntime } from "../../scripts/runtimes.ts";
import { signManifest } from "../../src/program/upgrade/manifest.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { programFileName } from "../../src/protocol/release.ts";

export const FIRST = "7.0.0";
export const SECOND = "7.1.0";
export const BROKEN = "7.2.0";
const RELEASED_AT = Date.UTC(2026, 10, 1);

const platform = ownPlatform();
const name = programFileName(platform);
const signer = crypto.ed25519Signer(crypto.randomBytes(32));

export class Releases implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** BROKEN is there always. */
  static async make(versions: readonly string[]): Promise<Releases> {
    const releases = new Releases(await mkdtemp(join(tmpdir(), "muster-test-releases-")));
    try {
      await releases.#build(versions);
      return releases;
    } catch (error) {
      await releases[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #build(versions: readonly string[]): Promise<void> {
    const folder = this.#folder;
    if (!existsSync("web/dist/index.html")) buildPage();
    const releaseKey = toBase64Url(signer.publicKey);
    for (const [at, version] of versions.entries()) {
      const facts = { releaseKey, releasedAt: RELEASED_AT + at };
      await compile({ outfile: join(folder, version, name), runtime: ownRuntime, facts, version });
    }
    // It says its version, and can do nothing else.
    const broken = `#!/bin/sh\n[ "$1" = version ] && echo "muster ${BROKEN}" && exit 0\nexit 1\n`;
    await Bun.write(join(folder, BROKEN, name), broken);
    await chmod(join(folder, BROKEN, name), 0o755);
  }

  /** Into the folder of a hub's home that it hands out from. */
  async put(home: string, version: string): Promise<void> {
    const into = join(home, "hub/releases");
    await rm(into, { recursive: true, force: true });
    await mkdir(into, { recursive: true });
    await copyFile(join(this.#folder, version, name), join(into, name));
    const program = Bun.file(join(into, name));
    const sha256 = new Bun.CryptoHasher("sha256").update(await program.bytes()).digest("hex");
    const { size } = await stat(join(into, name));
    const bytes = new TextEncoder().encode(
      JSON.stringify({
        version,
        released_at: new Date(RELEASED_AT + 5000).toISOString(),
        files: [{ platform, file: name, size, sha256 }],
        cloudflared: null,
      }),
    );
    await Bun.write(join(into, "manifest.json"), bytes);
    await Bun.write(join(into, "manifest.sig"), await signManifest(crypto, signer, bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
