import { expect, test } from "bun:test";
import { openStore } from "./open-store.ts";
import type { HubDatabase } from "./hub-schema.ts";
import { storeOptions, tempFolder } from "./testing.ts";

const KILLS = 20;
const SEED = 20_261_120;

test("nothing acknowledged is lost and nothing is half there when a writer is killed again and again", async () => {
  await using folder = await tempFolder();
  const path = folder.file("hub.db");
  const random = seeded(SEED);
  for (let kill = 1; kill <= KILLS; kill++) {
    const acknowledged = await killWriterAfter(path, 1 + Math.floor(random() * 60));
    // Opening checks the file's integrity; a damaged one would be moved aside with a notice, which throws.
    const { db, close } = await openStore<HubDatabase>(storeOptions({ path }));
    const audit = await db.selectFrom("audit").select(["id", "detail"]).orderBy("id").execute();
    const settings = await db.selectFrom("settings").selectAll().execute();
    await close();
    const where = `seed ${SEED}, kill ${kill}`;
    expect(audit.length, where).toBeGreaterThanOrEqual(acknowledged);
    expect(
      audit.every((row, index) => row.id === index + 1),
      where,
    ).toBe(true);
    expect(settings.length, where).toBe(audit.length);
  }
}, 30_000);

/** The highest number that the writer had said was safe. */
async function killWriterAfter(path: string, lines: number): Promise<number> {
  const writer = Bun.spawn([process.execPath, `${import.meta.dir}/testing-writing.ts`, path], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of writer.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (text.split("\n").length > lines) writer.kill("SIGKILL");
  }
  await writer.exited;
  expect(writer.signalCode).toBe("SIGKILL");
  return Number(text.trimEnd().split("\n").at(-1));
}

// mulberry32
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
