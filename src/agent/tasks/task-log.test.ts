import { expect, test } from "bun:test";
import { array, assert, asyncProperty, constantFrom, integer, tuple, uint8Array } from "fast-check";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realDisk } from "../../world/disk.ts";
import { LOG_KEPT_MAX_BYTES, readTaskLog, tailOfTaskLog, TaskLogWriter } from "./task-log.ts";

async function inFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "muster-log-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("what was written is read back from any position, in pages of any size, both outputs apart", async () => {
  const piece = tuple(constantFrom("stdout" as const, "stderr" as const), uint8Array({ maxLength: 70_000 }));
  await assert(
    asyncProperty(array(piece, { maxLength: 12 }), integer({ min: 1, max: 90_000 }), async (pieces, limit) =>
      inFolder(async (folder) => {
        const log = new TaskLogWriter(realDisk, folder, () => {});
        for (const [from, bytes] of pieces) log.append(from, bytes);
        await log.close();
        const read = { stdout: [] as number[], stderr: [] as number[] };
        let position = 0;
        for (let page = 0; page < 10_000; page++) {
          const part = await readTaskLog(realDisk, folder, { from: position, limit });
          if (part.pieces.length === 0) break;
          for (const { from, bytes } of part.pieces) read[from].push(...bytes);
          position = part.next;
        }
        for (const name of ["stdout", "stderr"] as const) {
          const written = pieces.flatMap(([from, bytes]) => (from === name ? [...bytes] : []));
          expect(Buffer.from(read[name]).equals(Buffer.from(written))).toBe(true);
        }
      }),
    ),
    { seed: 11, numRuns: 15 },
  );
});

test("endless output keeps its end, within bounds, and says how much is gone", () =>
  inFolder(async (folder) => {
    const chunk = new Uint8Array(64 * 1024);
    let resolve = (): void => {};
    const log = new TaskLogWriter(realDisk, folder, () => resolve());
    const total = 2.5 * LOG_KEPT_MAX_BYTES;
    for (let written = 0; written < total; written += chunk.length) {
      chunk.fill((written / chunk.length) & 0xff);
      log.append("stdout", chunk);
      if (log.isBusy) await new Promise<void>((done) => (resolve = done));
    }
    await log.close();
    const part = await readTaskLog(realDisk, folder, { from: 0, limit: 1000 });
    expect(part.end).toBe(total);
    expect(part.end - part.start).toBeLessThanOrEqual(LOG_KEPT_MAX_BYTES + chunk.length);
    expect(part.end - part.start).toBeGreaterThan(LOG_KEPT_MAX_BYTES / 2);
    const { bytes } = part.pieces[0] ?? {};
    expect(bytes?.[0]).toBe((part.start / chunk.length) & 0xff);
  }));

test("the tail is text however it was cut, and half a frame at the end is passed over", () =>
  inFolder(async (folder) => {
    const log = new TaskLogWriter(realDisk, folder, () => {});
    const bytes = new TextEncoder().encode("grüße\n");
    log.append("stdout", bytes.subarray(0, 3));
    log.append("stdout", bytes.subarray(3));
    await log.close();
    const [name = ""] = await readdir(folder);
    await writeFile(join(folder, name), Uint8Array.of(1, 0, 0, 9, 9, 1), { flag: "a" });
    expect(await tailOfTaskLog(realDisk, folder, 100)).toEqual({ text: "grüße\n", end: 8, cut: false });
    expect((await tailOfTaskLog(realDisk, folder, 2)).cut).toBe(true);
    expect(await tailOfTaskLog(realDisk, join(folder, "none"), 5)).toEqual({ text: "", end: 0, cut: false });
  }));
