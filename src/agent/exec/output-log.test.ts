import { expect, test } from "bun:test";
import { array, assert, property, uint8Array } from "fast-check";
import { OutputLog } from "./output-log.ts";

const MOST = 50;

test("it keeps the end of all that was written, whatever the pieces were", () => {
  assert(
    property(array(uint8Array({ maxLength: 70 }), { maxLength: 40 }), (pieces) => {
      const log = new OutputLog(MOST);
      for (const piece of pieces) log.push(piece);
      const all = pieces.flatMap((piece) => [...piece]);
      const kept = all.slice(-MOST);
      expect(log.end).toBe(all.length);
      expect(log.start).toBe(all.length - kept.length);
      expect([...log.read(0, MOST).bytes]).toEqual(kept);
      expect([...log.read(log.start + 7, 5).bytes]).toEqual(kept.slice(7, 12));
    }),
    { seed: 7 },
  );
});

test("many small pieces cost what they weigh", () => {
  const log = new OutputLog(10_000);
  for (let piece = 0; piece < 20_000; piece++) log.push(Uint8Array.of(piece & 0xff));
  expect(log.end).toBe(20_000);
  expect([...log.read(19_998, 10).bytes]).toEqual([19_998 & 0xff, 19_999 & 0xff]);
  expect(log.truncated).toBe(true);
});
