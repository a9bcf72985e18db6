import { expect, test } from "bun:test";
import { uuidV7 } from "../protocol/uuid.ts";
import { AnsweredOnce } from "./answered-once.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const idAt = (ms: number, random = 7) => uuidV7(ms, new Uint8Array(10).fill(random));

test("an id is taken once of each signer", () => {
  const answered = new AnsweredOnce({ now: () => NOW });
  const id = idAt(NOW, 0xab);
  answered.check("one", id);
  answered.take("one", id);
  expect(() => answered.check("one", id)).toThrow("answered already");
  answered.check("two", id);
});

test("what was kept for later is refused, although nobody remembers it", () => {
  let now = NOW;
  const answered = new AnsweredOnce({ now: () => now });
  const id = idAt(NOW);
  now = NOW + 600_000;
  answered.check("one", id);
  now = NOW + 600_001;
  expect(() => answered.check("one", id)).toThrow("too long ago");
  expect(() => answered.check("one", idAt(now + 600_001))).toThrow("ahead");
});
