import { expect, test } from "bun:test";
import { restOfKept } from "./unsent.ts";

test("what is taken in small pieces comes whole, seldom copied, and never holds twice its size", () => {
  let kept = Uint8Array.from({ length: 512 * 1024 }, (_, at) => at);
  let copied = 0;
  for (let at = 0; at + 1000 < 512 * 1024; at += 1000) {
    const before = kept.buffer;
    kept = restOfKept(kept, 1000) as Uint8Array<ArrayBuffer>; // made above, on memory of its own
    if (kept.buffer !== before) copied += kept.length;
    expect(kept[0]).toBe((at + 1000) & 0xff);
    expect(kept.buffer.byteLength).toBeLessThanOrEqual(2 * kept.length);
  }
  expect(copied).toBeLessThan(512 * 1024);
});
