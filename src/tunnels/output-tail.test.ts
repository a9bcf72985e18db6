import { expect, test } from "bun:test";
import type { Disk } from "../world/world.ts";
import { OutputTail } from "./output-tail.ts";

test("two who look at the same time see each line once between them", async () => {
  const text = Array.from({ length: 2_000 }, (_, number) => `a line with a number: ${number}`);
  const bytes = Buffer.from(`${text.join("\n")}\nhalf a li`);
  // Of a disk only these are asked.
  const disk = {
    info: () => Promise.resolve({ size: bytes.length }),
    open: () =>
      Promise.resolve({
        read: (at: number, length: number) => Promise.resolve(bytes.subarray(at, at + length)),
        close: () => Promise.resolve(),
      }),
    empty: () => Promise.resolve(),
  } as unknown as Pick<Disk, "info" | "open" | "empty">;
  const tail = new OutputTail(disk, "output.log");
  const seen = await Promise.all([tail.look(), tail.look()]);
  expect(seen.flat()).toEqual(text);
});
