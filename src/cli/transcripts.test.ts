// Every transcript of testdata, replayed. `UPDATE_TRANSCRIPTS=1 bun test src/cli` writes them anew; read the diff.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replay } from "./testing/transcript.ts";
import { SET_UPS } from "./testing/set-ups.ts";

const FOLDER = join(import.meta.dir, "testdata");

for (const name of readdirSync(FOLDER).filter((name) => name.endsWith(".txt"))) {
  test(`transcript ${name}`, async () => {
    const path = join(FOLDER, name);
    const written = readFileSync(path, "utf8");
    const real = await replay(written, SET_UPS);
    if (Bun.env["UPDATE_TRANSCRIPTS"] === "1") writeFileSync(path, real);
    else expect(real).toBe(written);
  });
}
