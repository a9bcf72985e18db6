import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeHolder } from "./hold-home.ts";
import { runStart } from "./run-start.ts";

test("a start that was interrupted before it began makes no hub, and lets go of the home", async () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-start-"));
  const home = join(folder, "home");
  const reason = new Error("interrupted");
  const ready = (): never => {
    throw new Error("it said that it runs");
  };
  const started = runStart({ home, port: 0, tunnel: false, stop: AbortSignal.abort(reason), ready }, {});
  expect(await started.catch((error: unknown) => error)).toBe(reason);
  expect([existsSync(join(home, "hub")), await homeHolder(home)]).toEqual([false, undefined]);
  rmSync(folder, { recursive: true, force: true });
});
