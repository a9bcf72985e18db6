// For tests alone: a folder that is published, with what a page must never show in it and beside it.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const POEM = "So much depends upon a red wheel barrow. ".repeat(200);

/** `site` is what is published, `folder` what it lies in. */
export function makeSite(): { folder: string; site: string } & Disposable {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "muster-pages-")));
  const site = join(folder, "site");
  mkdirSync(join(site, "docs", "deep"), { recursive: true });
  mkdirSync(join(site, ".git"));
  mkdirSync(join(site, ".well-known"));
  mkdirSync(join(folder, "site-secret"));
  mkdirSync(join(folder, "outside"));
  writeFileSync(join(folder, "outside", "secret.txt"), "secret");
  writeFileSync(join(folder, "site-secret", "secret.txt"), "secret");
  writeFileSync(join(site, "index.html"), "<h1>home</h1>");
  writeFileSync(join(site, "digits.bin"), "0123456789");
  writeFileSync(join(site, "poem.txt"), POEM);
  writeFileSync(join(site, "a b%c.txt"), "odd name");
  writeFileSync(join(site, "%2e%2e"), "a file by that name");
  writeFileSync(join(site, "docs", "guide.txt"), "guide");
  writeFileSync(join(site, "docs", ".hidden"), "secret");
  writeFileSync(join(site, "docs", "deep", "index.html"), "deep");
  writeFileSync(join(site, ".env"), "secret");
  writeFileSync(join(site, ".env.local"), "secret");
  writeFileSync(join(site, ".git", "config"), "secret");
  writeFileSync(join(site, ".well-known", "security.txt"), "contact");
  symlinkSync("../outside/secret.txt", join(site, "out.txt"));
  symlinkSync("../outside", join(site, "outside"));
  symlinkSync("../site-secret", join(site, "sibling"));
  symlinkSync(".env", join(site, "innocent.txt"));
  symlinkSync("docs/guide.txt", join(site, "inside.txt"));
  symlinkSync("loop", join(site, "loop"));
  symlinkSync("/dev/zero", join(site, "zero"));
  execFileSync("mkfifo", [join(site, "pipe")]);
  return { folder, site, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
