import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority, hasOpenssl } from "../../world/certificates.fixture.ts";
import { httpFetch } from "../../world/http-fetch.ts";
import type { PinnedFile } from "../../protocol/release.ts";
import { installCloudflared, type InstallOptions } from "./install.ts";
import { tar } from "./tar.fixture.ts";

const authority = hasOpenssl ? new Authority() : undefined;
afterAll(() => authority?.[Symbol.dispose]());

const PROGRAM = "#!/bin/sh\necho cloudflared\n";
const ARCHIVE = Bun.gzipSync(Buffer.from(tar({ name: "cloudflared", content: PROGRAM })));

function pinned(platform: string, file: string, content: Uint8Array | string): PinnedFile {
  const bytes = Buffer.from(content);
  return {
    platform,
    file,
    size: bytes.length,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
  };
}

const PINS = {
  version: "2026.1.0",
  files: [
    pinned("linux-arm64", "cloudflared-linux-arm64", PROGRAM),
    pinned("darwin-arm64", "cloudflared-darwin-arm64.tgz", ARCHIVE),
  ],
};

interface Bench extends Disposable {
  folder: string;
  asked: string[];
  cut(): void;
  install(platform: string, changes?: Partial<InstallOptions>): Promise<string>;
}

/** A release served over https; whatever `answer` doesn't answer is the file that was asked for. */
function serve(answer: (path: string, origin: string) => Response | undefined = () => undefined): Bench {
  if (authority === undefined) throw new Error("no openssl");
  const { cert, key } = authority.issue("releases", ["localhost"]);
  const ca = readFileSync(authority.ca, "utf8");
  const asked: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: Bun.file(cert), key: Bun.file(key) },
    fetch(request) {
      const { pathname, origin } = new URL(request.url);
      asked.push(pathname);
      return answer(pathname, origin) ?? new Response(pathname.endsWith(".tgz") ? ARCHIVE : PROGRAM);
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "muster-cloudflared-"));
  return {
    folder,
    asked,
    cut: () => void server.stop(true),
    install: (platform, changes) =>
      installCloudflared({
        fetch: (url, init) => httpFetch(url, init, { ca }),
        releases: `https://localhost:${server.port}/releases/download`,
        pins: PINS,
        platform,
        folder: join(folder, "bin"),
        stop: new AbortController().signal,
        ...changes,
      }),
    [Symbol.dispose]() {
      void server.stop(true);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Why it failed; "" where it didn't. */
const failure = (work: Promise<unknown>): Promise<string> => work.then(() => "", String);

const tlsTest = test.skipIf(!hasOpenssl);

for (const platform of ["linux-arm64", "darwin-arm64"]) {
  tlsTest(`the asset for ${platform} becomes a program of this user alone`, async () => {
    using bench = serve();
    const path = await bench.install(platform);
    expect(path).toBe(join(bench.folder, "bin/cloudflared"));
    expect(readFileSync(path, "utf8")).toBe(PROGRAM);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(bench.folder, "bin")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(bench.folder, "bin"))).toEqual(["cloudflared"]);
    expect(bench.asked[0]).toStartWith("/releases/download/2026.1.0/cloudflared-");
  });
}

tlsTest("redirects are followed, to https alone and not for ever", async () => {
  using bench = serve((path, origin) =>
    path.startsWith("/releases") ? Response.redirect(`${origin}/assets/cloudflared`, 302) : undefined,
  );
  await bench.install("linux-arm64");
  expect(bench.asked).toEqual(["/releases/download/2026.1.0/cloudflared-linux-arm64", "/assets/cloudflared"]);
  using plain = serve(() => Response.redirect("http://127.0.0.1:1/cloudflared", 302));
  expect(await failure(plain.install("linux-arm64"))).toContain("leads to http://, not https");
  using round = serve((path, origin) => Response.redirect(`${origin}${path}`, 302));
  expect(await failure(round.install("linux-arm64"))).toContain("redirected without end");
  expect(round.asked).toHaveLength(6);
});

const DAMAGE: [string, () => Response, string][] = [
  ["cut short", () => new Response(PROGRAM.slice(0, -1)), "it ends after"],
  ["too long", () => new Response(`${PROGRAM}x`), "it is longer than"],
  ["of another content", () => new Response(PROGRAM.toUpperCase()), "its checksum is another one"],
  ["missing", () => new Response("no", { status: 404 }), "status 404"],
];

for (const [what, response, said] of DAMAGE) {
  tlsTest(`an asset that is ${what} is refused and leaves nothing`, async () => {
    using bench = serve(() => response());
    expect(await failure(bench.install("linux-arm64"))).toContain(said);
    expect(readdirSync(join(bench.folder, "bin"))).toEqual([]);
  });
}

/** Says a little and then nothing more, but does that instead. */
function begun(then: () => void): Response {
  return new Response(
    new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from("#!")), pull: then }),
  );
}

tlsTest("one that is stopped on its way leaves nothing", async () => {
  const stop = new AbortController();
  using bench = serve(() => begun(() => stop.abort()));
  expect(await failure(bench.install("linux-arm64", { stop: stop.signal }))).not.toBe("");
  expect(readdirSync(join(bench.folder, "bin"))).toEqual([]);
});

tlsTest("one whose server breaks off leaves nothing", async () => {
  using bench = serve(() => begun(() => bench.cut()));
  expect(await failure(bench.install("linux-arm64"))).not.toBe("");
  expect(readdirSync(join(bench.folder, "bin"))).toEqual([]);
});

tlsTest("a failed one leaves the former in place, and a killed one's leftovers go", async () => {
  using bench = serve((path) => (path.includes("arm64") ? undefined : new Response("")));
  const path = await bench.install("linux-arm64");
  const left = join(bench.folder, "bin/.cloudflared-00000000-0000-4000-8000-000000000000.new");
  writeFileSync(left, "half");
  utimesSync(left, 1, 1);
  using broken = serve(() => new Response("other"));
  expect(await failure(broken.install("linux-arm64", { folder: join(bench.folder, "bin") }))).toContain(
    "not what",
  );
  expect(readFileSync(path, "utf8")).toBe(PROGRAM);
  expect(readdirSync(join(bench.folder, "bin"))).toEqual(["cloudflared"]);
});

test("a platform without a pin is refused by name, before anything is asked for", async () => {
  const fetch = (): Promise<Response> => Promise.reject(new Error("asked"));
  const folder = join(tmpdir(), "muster-never-made");
  const { signal: stop } = new AbortController();
  const options = {
    fetch,
    releases: "https://localhost",
    pins: PINS,
    platform: "linux-riscv64",
    folder,
    stop,
  };
  expect(await failure(installCloudflared(options))).toContain("no cloudflared is known for linux-riscv64");
});
