// bin/muster in a checkout whose dependencies are there, half there, or not at all.
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SCRIPT = resolve(import.meta.dir, "..", "bin", "muster");
/** What Bun's package holds before its install script has run. */
const PLACEHOLDER = `echo "Error: Bun's postinstall script was not run." >&2\nexit 1\n`;

function checkout(files: {
  bun?: string;
  install?: string;
}): Disposable & { run(): [number | null, string] } {
  const root = mkdtempSync(join(tmpdir(), "muster-bin-"));
  mkdirSync(join(root, "bin"));
  copyFileSync(SCRIPT, join(root, "bin", "muster"));
  const bun = join(root, "node_modules", "bun", "bun.exe");
  mkdirSync(join(root, "node_modules", ".bin"), { recursive: true });
  mkdirSync(join(root, "node_modules", "bun"));
  if (files.bun !== undefined) {
    writeFileSync(bun, files.bun);
    chmodSync(bun, 0o755);
    symlinkSync(bun, join(root, "node_modules", ".bin", "bun"));
  }
  if (files.install !== undefined) {
    writeFileSync(join(root, "node_modules", "bun", "install.js"), files.install);
  }
  return {
    run() {
      const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", join(root, "bin", "muster"), "status"]);
      return [exitCode, stdout.toString() + stderr.toString().split("\n")[0]];
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}

test("hands its words to Bun", () => {
  using here = checkout({ bun: '#!/bin/sh\necho "ran $2"' });
  expect(here.run()).toEqual([0, "ran status\n"]);
});

test("says what is missing", () => {
  using here = checkout({});
  expect(here.run()).toEqual([1, expect.stringContaining("muster: error: the dependencies of")]);
});

test("puts Bun in place where npm ran no install scripts, or says that it could not", () => {
  const install = `require("node:fs").writeFileSync("bun.exe", '#!/bin/sh\\necho "ran $2"');`;
  using healed = checkout({ bun: PLACEHOLDER, install });
  expect(healed.run()).toEqual([0, "ran status\n"]);
  using broken = checkout({ bun: PLACEHOLDER, install: "process.exit(1);" });
  expect(broken.run()).toEqual([
    1,
    "muster: error: the Bun runtime is not in place: npm ran no install scripts",
  ]);
});
