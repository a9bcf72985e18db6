import { expect, test } from "bun:test";
import { createApi } from "../api/api.ts";
import { HUB, testHub, type TestHub } from "../api/hub.fixture.ts";
import type { Downloads, Program } from "./downloads.ts";

const BYTES = "#!/bin/sh\necho the program\n";
const SHA256 = new Bun.CryptoHasher("sha256").update(BYTES).digest("hex");
const PROGRAM: Program = {
  platform: "linux-arm64",
  name: "muster-linux-arm64",
  sha256: SHA256,
  bytes: new Blob([BYTES]),
  gzip: new Blob([Bun.gzipSync(BYTES)]),
};
const DOWNLOADS: Downloads = {
  program: (platform) => Promise.resolve(platform === PROGRAM.platform ? PROGRAM : undefined),
  platforms: () => Promise.resolve(["linux-arm64"]),
  manifest: () => Promise.resolve({ bytes: new TextEncoder().encode("{}\n"), signature: "c2ln\n" }),
};

async function ask(
  hub: TestHub,
  path: string,
  {
    downloads = DOWNLOADS,
    method = "GET",
    ...headers
  }: { downloads?: Downloads; method?: string } & Record<string, unknown> = {},
): Promise<Response> {
  const api = createApi({ ...hub.parts, downloads });
  const request = new Request(`${HUB}${path}`, { method, headers: headers as Record<string, string> });
  return api.fetch(request, { visitor: "192.0.2.7", requestId: "test" });
}

test("hands out a program with its checksum, whole or compressed", async () => {
  await using hub = await testHub();
  const whole = await ask(hub, "/download/linux-arm64");
  expect([whole.status, await whole.text(), whole.headers.get("muster-sha256")]).toEqual([
    200,
    BYTES,
    SHA256,
  ]);
  expect(whole.headers.get("content-encoding")).toBeNull();
  const packed = await ask(hub, "/download/linux-arm64", { "accept-encoding": "deflate, gzip" });
  expect(packed.headers.get("content-encoding")).toBe("gzip");
  expect(new TextDecoder().decode(Bun.gunzipSync(await packed.arrayBuffer()))).toBe(BYTES);
  expect(packed.headers.get("etag")).not.toBe(whole.headers.get("etag"));
  const refused = await ask(hub, "/download/linux-arm64", { "accept-encoding": "gzip;q=0" });
  expect(refused.headers.get("content-encoding")).toBeNull();
  expect(await (await ask(hub, "/download/linux-arm64.sha256")).text()).toBe(`${SHA256}\n`);
});

test("tells the size to HEAD and sends nothing", async () => {
  await using hub = await testHub();
  const answer = await ask(hub, "/download/linux-arm64", { method: "HEAD" });
  expect([answer.headers.get("content-length"), await answer.text()]).toEqual([String(BYTES.length), ""]);
});

test("goes on where a download was cut, and only with the same program", async () => {
  await using hub = await testHub();
  const ask2 = (range: string, condition?: string) =>
    ask(hub, "/download/linux-arm64", {
      range,
      ...(condition === undefined ? {} : { "if-range": condition }),
    });
  const rest = await ask2("bytes=10-");
  expect([rest.status, await rest.text()]).toEqual([206, BYTES.slice(10)]);
  expect(rest.headers.get("content-range")).toBe(`bytes 10-${BYTES.length - 1}/${BYTES.length}`);
  expect(await (await ask2("bytes=-4")).text()).toBe(BYTES.slice(-4));
  expect(await (await ask2("bytes=0-3", `"${SHA256}"`)).text()).toBe(BYTES.slice(0, 4));
  expect((await ask2("bytes=0-3", '"another"')).status).toBe(200);
  expect((await ask2(`bytes=${BYTES.length}-`)).status).toBe(416);
  for (const odd of ["bytes=4-2", "bytes=0-1,3-4", "bytes=-", "items=0-1", "bytes=a-b"]) {
    expect([odd, (await ask2(odd)).status]).toEqual([odd, 200]);
  }
});

test("says what it has to whoever asks for something else", async () => {
  await using hub = await testHub();
  for (const name of [
    "linux-s390x",
    "darwin-arm64",
    "darwin-arm64.sha256",
    "..%2fkey",
    "%00",
    "linux-arm64/",
  ]) {
    const answer = await ask(hub, `/download/${name}`);
    expect([name, answer.status]).toEqual([name, 404]);
  }
  const unknown: unknown = await (await ask(hub, "/download/linux-s390x")).json();
  expect(unknown).toMatchObject({
    error: { code: "not_found", hint: expect.stringContaining("linux-arm64") },
  });
  const armv7: unknown = await (await ask(hub, "/download/linux-armv7")).json();
  expect(armv7).toMatchObject({ error: { message: "No build for linux-armv7 yet (needs 64-bit)" } });
});

test("hands out the manifest and its signature as they are, or says that there is none", async () => {
  await using hub = await testHub();
  expect(await (await ask(hub, "/download/manifest.json")).text()).toBe("{}\n");
  expect(await (await ask(hub, "/download/manifest.sig")).text()).toBe("c2ln\n");
  const unsigned: Downloads = {
    ...DOWNLOADS,
    manifest: () => Promise.resolve({ bytes: new Uint8Array(2), signature: undefined }),
  };
  expect((await ask(hub, "/download/manifest.sig", { downloads: unsigned })).status).toBe(404);
  const without: Downloads = { ...DOWNLOADS, manifest: () => Promise.resolve(undefined) };
  expect((await ask(hub, "/download/manifest.json", { downloads: without })).status).toBe(404);
});

test("answers on a hub without a page", async () => {
  await using hub = await testHub({ pageOrigin: undefined });
  expect((await ask(hub, "/install.sh")).status).toBe(200);
  expect((await ask(hub, "/download/linux-arm64")).status).toBe(200);
});

test("puts the hub's own address into install.sh, whatever host was asked", async () => {
  await using hub = await testHub();
  const api = createApi(hub.parts);
  const request = new Request("http://203.0.113.5:8080/install.sh", {
    headers: { "x-forwarded-host": "evil" },
  });
  const script = await (await api.fetch(request, { visitor: "192.0.2.7", requestId: "test" })).text();
  expect(script.split("\n").slice(0, 2)).toEqual(["#!/bin/sh", `MUSTER_HUB_URL='${HUB}'`]);
  expect(script).not.toContain("203.0.113.5");
});
