import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { ask, pageShare, readTold, requestText, startGateway, visit } from "./gateway.fixture.ts";
import { makeSite, POEM } from "./pages.fixture.ts";
import { realDisk } from "../../world/disk.ts";

const test1 = startGateway();
const made = makeSite();
const { folder, site } = made;
afterAll(() => made[Symbol.dispose]());

const get = (target: string, headers: Record<string, string> = {}, method = "GET") =>
  ask(test1, pageShare(site), { target, headers, method });

test("a folder shows its index.html, typed, tagged and to be asked about each time", async () => {
  const told = await get("/");
  expect(told.status).toBe(200);
  expect(told.body.toString()).toBe("<h1>home</h1>");
  expect(told.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "content-length": "13",
    "cache-control": "no-cache",
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    connection: "keep-alive",
  });
  expect(told.headers["etag"]).toMatch(/^"[0-9a-z-]+"$/);
  expect(told.fin).toMatchObject({ status: 200, length: 13, close: false });
});

test.each([
  ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
  ["bytes=4-", 206, "456789", "bytes 4-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
  ["bytes=8-99", 206, "89", "bytes 8-9/10"],
  ["BYTES=0-0", 206, "0", "bytes 0-0/10"],
  ["bytes=10-", 416, "", "bytes */10"],
  ["bytes=-0", 416, "", "bytes */10"],
  // Ignored: nonsense, other units, more than one range.
  ["bytes=5-2", 200, "0123456789", undefined],
  ["bytes=-", 200, "0123456789", undefined],
  ["lines=1-2", 200, "0123456789", undefined],
  ["bytes=0-1,3-4", 200, "0123456789", undefined],
])("Range: %s gives %i %j", async (range, status, body, contentRange) => {
  const told = await get("/digits.bin", { Range: range });
  expect(told.status).toBe(status);
  expect(told.body.toString()).toBe(body);
  expect(told.headers["content-range"]).toBe(contentRange as string);
  expect(told.headers["content-length"]).toBe(String(body.length));
});

test("a part of an older version is not asked for: the whole file comes", async () => {
  const { headers } = await get("/digits.bin");
  const range = { Range: "bytes=0-1" };
  expect((await get("/digits.bin", { ...range, "If-Range": headers["etag"] ?? "" })).status).toBe(206);
  expect((await get("/digits.bin", { ...range, "If-Range": headers["last-modified"] ?? "" })).status).toBe(
    206,
  );
  expect((await get("/digits.bin", { ...range, "If-Range": '"old"' })).status).toBe(200);
  expect((await get("/digits.bin", { ...range, "If-Range": `W/${headers["etag"] ?? ""}` })).status).toBe(200);
});

test("what the visitor has already is not sent again", async () => {
  const { headers } = await get("/digits.bin");
  const etag = headers["etag"] ?? "";
  const date = headers["last-modified"] ?? "";
  for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const told = await get("/digits.bin", { "If-None-Match": condition });
    expect(told.status).toBe(304);
    expect(told.headers["etag"]).toBe(etag);
    expect(told.body.length).toBe(0);
  }
  expect((await get("/digits.bin", { "If-Modified-Since": date })).status).toBe(304);
  expect((await get("/digits.bin", { "If-None-Match": '"x"', "If-Modified-Since": date })).status).toBe(200);
  expect((await get("/digits.bin", { "If-Modified-Since": "yesterday" })).status).toBe(200);
  expect((await get("/digits.bin", { "If-Match": '"x"' })).status).toBe(412);
  expect((await get("/digits.bin", { "If-Match": etag })).status).toBe(200);
  expect((await get("/digits.bin", { "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" })).status).toBe(
    412,
  );
});

test("a page is live: a changed file has another tag and other bytes", async () => {
  const path = join(site, "live.bin");
  writeFileSync(path, "one");
  const before = await get("/live.bin");
  writeFileSync(`${path}.new`, "two");
  renameSync(`${path}.new`, path);
  const after = await get("/live.bin", { "If-None-Match": before.headers["etag"] ?? "" });
  expect(after.status).toBe(200);
  expect(after.body.toString()).toBe("two");
});

test("HEAD says what GET would, and sends nothing", async () => {
  const told = await get("/digits.bin", {}, "HEAD");
  expect(told.status).toBe(200);
  expect(told.headers["content-length"]).toBe("10");
  expect(told.body.length).toBe(0);
  expect((await get("/poem.txt", { "Accept-Encoding": "gzip" }, "HEAD")).headers["content-encoding"]).toBe(
    "gzip",
  );
});

test("other methods are refused with those that are not", async () => {
  const told = await get("/", {}, "DELETE");
  expect(told.status).toBe(405);
  expect(told.headers["allow"]).toBe("GET, HEAD, OPTIONS");
  const options = await get("/", {}, "OPTIONS");
  expect(options.status).toBe(204);
  expect(options.headers["allow"]).toBe("GET, HEAD, OPTIONS");
  expect((await ask(test1, pageShare(site), { method: "POST", body: "x=1" })).status).toBe(405);
});

test.each([
  ["gzip", "gzip", gunzipSync],
  ["br;q=1, gzip;q=0.5", "br", brotliDecompressSync],
  ["br;q=0, gzip", "gzip", gunzipSync],
  ["gzip, identity;q=0", "gzip", gunzipSync],
] as const)("text is compressed for who takes it (%s)", async (accept, coding, open) => {
  const told = await get("/poem.txt", { "Accept-Encoding": accept });
  expect(told.headers["content-encoding"]).toBe(coding);
  expect(told.headers["vary"]).toBe("Accept-Encoding");
  expect(open(told.body).toString()).toBe(POEM);
  expect(told.body.length).toBeLessThan(POEM.length / 4);
  const plain = await get("/poem.txt");
  expect(told.headers["etag"]).not.toBe(plain.headers["etag"]);
  const again = await get("/poem.txt", {
    "Accept-Encoding": accept,
    "If-None-Match": told.headers["etag"] ?? "",
  });
  expect(again.status).toBe(304);
});

test("zstd is taken where it is offered", async () => {
  const told = await get("/poem.txt", { "Accept-Encoding": "zstd, gzip" });
  expect(told.headers["content-encoding"]).toBe("zstd");
  expect(Bun.zstdDecompressSync(told.body).toString()).toBe(POEM);
});

test.each([
  ["/poem.txt", {}],
  ["/poem.txt", { "Accept-Encoding": "gzip;q=0" }],
  ["/poem.txt", { "Accept-Encoding": "identity, gzip;q=0.5" }],
  ["/poem.txt", { "Accept-Encoding": "gzip", Range: "bytes=0-" }],
  ["/docs/guide.txt", { "Accept-Encoding": "gzip" }],
  ["/digits.bin", { "Accept-Encoding": "gzip" }],
])("%s with %j is not compressed", async (target, headers) => {
  expect((await get(target, headers)).headers["content-encoding"]).toBeUndefined();
});

test("a compressed sibling is sent while it is no older than its file", async () => {
  const path = join(site, "app.js");
  writeFileSync(path, "let a;");
  writeFileSync(`${path}.gz`, gzipSync("let a; // beforehand"));
  const fresh = await get("/app.js", { "Accept-Encoding": "gzip, br" });
  expect(fresh.headers["content-encoding"]).toBe("gzip");
  expect(fresh.headers["content-type"]).toBe("text/javascript; charset=utf-8");
  expect(gunzipSync(fresh.body).toString()).toBe("let a; // beforehand");
  utimesSync(`${path}.gz`, 1, 1);
  expect((await get("/app.js", { "Accept-Encoding": "gzip" })).body.toString()).toBe("let a;");
});

test("a folder without the slash leads to the one with it, on this host whatever the path", async () => {
  expect((await get("/docs")).headers["location"]).toBe("./docs/");
  const told = await get("/docs/deep?a=1&b=//evil");
  expect(told.status).toBe(308);
  expect(told.headers["location"]).toBe("./deep/?a=1&b=//evil");
  expect((await get("/docs/deep/")).body.toString()).toBe("deep");
});

test("a folder without index.html is listed, without what is not served", async () => {
  const listed = (await get("/docs/")).body.toString();
  expect(listed).toContain(`<a href="./guide.txt">guide.txt</a>`);
  expect(listed).toContain(`<a href="./deep/">deep/</a>`);
  expect(listed).not.toContain("hidden");
  const plain = join(folder, "plain");
  mkdirSync(plain);
  writeFileSync(join(plain, `<img src=x onerror="alert(1)">.txt`), "");
  symlinkSync("../outside", join(plain, "away"));
  const told = await ask(test1, pageShare(plain));
  expect(told.body.toString()).not.toContain("<img");
  expect(told.body.toString()).not.toContain("away");
  expect(told.headers["content-security-policy"]).toContain("default-src 'none'");
});

test("nothing there: the folder's own 404 page for people, else ours; JSON for programs", async () => {
  const ours = await get("/nothing", { Accept: "text/html" });
  expect(ours.status).toBe(404);
  expect(ours.body.toString()).toContain("req-1");
  const json = await get("/nothing", { Accept: "application/json" });
  expect(JSON.parse(json.body.toString()).error).toMatchObject({ code: "not_found", request_id: "req-1" });
  const own = join(folder, "own404");
  mkdirSync(own);
  writeFileSync(join(own, "404.html"), "lost");
  const told = await ask(test1, pageShare(own), { target: "/x", headers: { Accept: "text/html" } });
  expect(told.status).toBe(404);
  expect(told.body.toString()).toBe("lost");
});

test("with --spa navigations to nothing get index.html, everything else a 404", async () => {
  const share = pageShare(site, { spa: true });
  const page = await ask(test1, share, { target: "/users/7", headers: { Accept: "text/html" } });
  expect(page.body.toString()).toBe("<h1>home</h1>");
  expect((await ask(test1, share, { target: "/users/7.js", headers: { Accept: "*/*" } })).status).toBe(404);
  expect((await ask(test1, share, { target: "/.env", headers: { Accept: "text/html" } })).status).toBe(404);
});

test("a file that shrinks while it is sent cuts the connection, and never looks whole", async () => {
  const path = join(site, "shrinks.bin");
  writeFileSync(path, Buffer.alloc(1024 * 1024, 1));
  const visitor = visit(test1, pageShare(site), { credit: 128 * 1024 });
  visitor.send(requestText({ target: "/shrinks.bin" }));
  await visitor.until(() => visitor.received === 128 * 1024);
  truncateSync(path, 200 * 1024);
  visitor.grant(Infinity);
  await visitor.over();
  const told = readTold(visitor);
  expect(told.headers["content-length"]).toBe(String(1024 * 1024));
  expect(told.cut).toBe(true);
  expect(told.fin).toBeUndefined();
});

test("a reader who stops holds the file, not the memory; one who leaves lets go of it", async () => {
  const files = { open: 0 };
  let read = 0;
  const disk = {
    ...realDisk,
    async open(path: string) {
      const file = await realDisk.open(path);
      files.open++;
      return {
        ...file,
        async read(position: number, length: number) {
          const bytes = await file.read(position, length);
          read += bytes.length;
          return bytes;
        },
        close() {
          files.open--;
          return file.close();
        },
      };
    },
  };
  writeFileSync(join(site, "large.bin"), Buffer.alloc(4 * 1024 * 1024));
  writeFileSync(join(site, "large.txt"), randomBytes(2 * 1024 * 1024).toString("hex"));
  const gateway = startGateway({ disk });
  for (const [target, accept] of [
    ["/large.bin", ""],
    ["/large.txt", "gzip"],
  ] as const) {
    read = 0;
    const visitor = visit(gateway, pageShare(site), { credit: 1024 });
    visitor.send(requestText({ target, headers: { "Accept-Encoding": accept } }));
    await visitor.until(() => visitor.received === 1024);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(read).toBeLessThan(1024 * 1024);
    expect(files.open).toBe(1);
    visitor.leave();
    while (files.open > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const headers of [{}, { Range: "bytes=99999999-" }, { "If-None-Match": "*" }] as Record<
    string,
    string
  >[]) {
    await ask(gateway, pageShare(site), { target: "/large.bin", headers });
    await ask(gateway, pageShare(site), { target: "/large.txt", headers, method: "HEAD" });
  }
  while (files.open > 0) await new Promise((resolve) => setImmediate(resolve));
});
