// The client in Python, which was written from docs/protocol.md alone, makes the document's examples as well.
import { expect, test } from "bun:test";
import { join, resolve } from "node:path";

const folder = join(resolve(import.meta.dir, "..", ".."), "examples", "other-language");
const python = Bun.which("python3");

test.skipIf(python === null)("a client in another language makes the examples of the protocol", () => {
  // Nothing is to be left in the checkout.
  const run = Bun.spawnSync(["python3", "-B", "test_protocol.py"], { cwd: folder });
  expect(run.stderr.toString()).toContain("\nOK\n");
  expect(run.exitCode).toBe(0);
});
