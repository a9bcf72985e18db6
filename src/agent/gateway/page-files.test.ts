import { afterAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, pageShare, startGateway } from "./gateway.fixture.ts";
import { scanFolder } from "./left-out.ts";
import { makeSite } from "./pages.fixture.ts";
import { realDisk } from "../../world/disk.ts";

const gateway = startGateway();
const made = makeSite();
const { folder, site } = made;
afterAll(() => made[Symbol.dispose]());

test.each([
  // Decoded once.
  ["/a%20b%25c.txt", 200, "odd name"],
  ["/%252e%252e", 200, "a file by that name"],
  ["/.well-known/security.txt", 200, "contact"],
  ["/inside.txt", 200, "guide"],
  ["/%64igits.bin?x=/../../", 200, "0123456789"],
  // Out of the folder.
  ["/../outside/secret.txt", 400, ""],
  ["/docs/../../outside/secret.txt", 400, ""],
  ["/%2e%2e/outside/secret.txt", 400, ""],
  ["/%2E%2e%2foutside%2fsecret.txt", 400, ""],
  ["/..%2foutside/secret.txt", 400, ""],
  ["/..%5coutside%5csecret.txt", 400, ""],
  ["/docs%5c..%5c..%5coutside%5csecret.txt", 400, ""],
  ["/%252e%252e/outside/secret.txt", 404, ""],
  ["/out.txt", 404, ""],
  ["/outside/secret.txt", 404, ""],
  ["/outside/", 404, ""],
  ["/sibling/secret.txt", 404, ""],
  // Not UTF-8, overlong, cut short, with NUL or line breaks in it.
  ["/%c0%ae%c0%ae/outside/secret.txt", 400, ""],
  ["/%e0%80%ae%e0%80%ae/", 400, ""],
  ["/%ff", 400, ""],
  ["/%", 400, ""],
  ["/%2", 400, ""],
  ["/%zz", 400, ""],
  ["/digits.bin%00.html", 400, ""],
  ["/index.html%0d%0aX: 1", 400, ""],
  // Hidden.
  ["/.env", 404, ""],
  ["/.env.local", 404, ""],
  ["/%2eenv", 404, ""],
  ["/.git/config", 404, ""],
  ["/.git/", 404, ""],
  ["/docs/.hidden", 404, ""],
  ["/innocent.txt", 404, ""],
  ["/./index.html", 404, ""],
  ["//index.html", 404, ""],
  ["/docs//guide.txt", 404, ""],
  // No files at all.
  ["/pipe", 404, ""],
  ["/zero", 404, ""],
  ["/loop", 404, ""],
  ["/nothing", 404, ""],
  ["/index.html/", 404, ""],
  ["/index.html/more", 404, ""],
  [`/${"x".repeat(300)}`, 404, ""],
])("%s: %i", async (target, status, body) => {
  const told = await ask(gateway, pageShare(site), { target });
  if (!target.includes(" ")) expect(told.status).toBe(status);
  if (status === 200) expect(told.body.toString()).toBe(body);
  expect(told.body.toString()).not.toContain("secret");
});

test("a file that is swapped for a link out between looking and opening is not served", async () => {
  const swapped = join(site, "swap.txt");
  writeFileSync(swapped, "harmless");
  const disk = {
    ...realDisk,
    open: (path: string) => {
      if (path.endsWith("swap.txt")) {
        rmSync(swapped, { force: true });
        symlinkSync(join(folder, "outside", "secret.txt"), swapped);
      }
      return realDisk.open(path);
    },
  };
  const told = await ask(startGateway({ disk }), pageShare(site), { target: "/swap.txt" });
  expect(told.status).toBe(404);
  rmSync(swapped, { force: true });
});

test("a folder that is swapped for a link out between looking and opening is not served from", async () => {
  const inner = join(site, "swapped");
  mkdirSync(inner);
  writeFileSync(join(inner, "secret.txt"), "harmless");
  const disk = {
    ...realDisk,
    open: (path: string) => {
      rmSync(inner, { recursive: true, force: true });
      symlinkSync(join(folder, "outside"), inner);
      return realDisk.open(path);
    },
  };
  const told = await ask(startGateway({ disk }), pageShare(site), { target: "/swapped/secret.txt" });
  expect(told.status).toBe(404);
  expect(told.body.toString()).not.toBe("secret");
  rmSync(inner, { force: true });
});

test("a share of one file shows it at its root and under its name, and nothing beside it", async () => {
  const share = pageShare(join(site, "digits.bin"));
  expect((await ask(gateway, share)).body.toString()).toBe("0123456789");
  expect((await ask(gateway, share, { target: "/digits.bin" })).status).toBe(200);
  expect((await ask(gateway, share, { target: "/index.html" })).status).toBe(404);
  expect((await ask(gateway, pageShare(join(site, ".env")))).status).toBe(404);
  expect((await ask(gateway, pageShare(join(folder, "gone")))).status).toBe(404);
});

test("a name that no request can hold is not listed, and counts as left out", async () => {
  const odd = join(folder, "odd");
  mkdirSync(odd);
  for (const name of ["line\nbreak.txt", "back\\slash.txt", "escape\u001b.txt", "plain.txt"]) {
    writeFileSync(join(odd, name), "");
  }
  const listed = (await ask(gateway, pageShare(odd))).body.toString();
  expect(listed.match(/href="\.\/[^"]*"/g)).toEqual([`href="./plain.txt"`]);
  expect(await scanFolder(realDisk, odd)).toMatchObject({ files: 1, leftOutCount: 3 });
});

test("what a folder leaves out is named before it is published", async () => {
  const scan = await scanFolder(realDisk, site);
  const named = Object.fromEntries((scan?.leftOut ?? []).map(({ path, reason }) => [path, reason]));
  expect(named).toMatchObject({
    ".env": "hidden",
    ".git": "hidden",
    "docs/.hidden": "hidden",
    "innocent.txt": "hidden",
    "out.txt": "link_leads_out",
    outside: "link_leads_out",
    loop: "link_leads_out",
    pipe: "not_a_file",
  });
  expect(named["inside.txt"]).toBeUndefined();
  expect(named[".well-known"]).toBeUndefined();
  expect(scan?.complete).toBe(true);
  expect(scan?.files).toBeGreaterThan(5);
  expect(await scanFolder(realDisk, join(folder, "gone"))).toBeUndefined();
});
