import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../protocol/errors.ts";
import { systemError } from "./system-error.ts";

test("a home that lies below a file is named, with the way out", () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-system-error-"));
  writeFileSync(join(folder, "file"), "");
  const path = join(folder, "file", "logs");
  let thrown: unknown;
  try {
    mkdirSync(path);
  } catch (error) {
    thrown = error;
  }
  rmSync(folder, { recursive: true });
  expect(systemError(thrown)).toMatchObject({
    code: "state_unsafe",
    message: `"${path}" can't be used: a part of it is no folder`,
    hint: "move the file away, or set MUSTER_HOME to another",
  });
});

test("what names no path, or is an error of ours, stays what it is", () => {
  for (const thrown of [
    new MusterError("invalid", "no"),
    new Error("EACCES"),
    Object.assign(new Error("refused"), { code: "EACCES" }),
    Object.assign(new Error("odd"), { code: "ECONNRESET", path: "/run/x.sock" }),
    "text",
    undefined,
  ]) {
    expect(systemError(thrown)).toBe(thrown);
  }
});
