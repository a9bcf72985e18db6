import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { RECEIVE_KEY_KEPT_MS, RECEIVE_KEYS_MAX, ReceiveKeys } from "./receive-keys.ts";

const DAY_MS = 24 * 3_600_000;
const key = (n: number): { id: Uint8Array; publicKey: Uint8Array; key: string } => ({
  id: new Uint8Array(32).fill(n),
  publicKey: new Uint8Array(32).fill(n + 100),
  key: `secret ${n}`,
});
const id = (n: number): Uint8Array => key(n).id;
const at = (sequence: number, epoch = "e"): { epoch: string; sequence: number } => ({ epoch, sequence });

function ring(...numbers: number[]): ReceiveKeys<string> {
  const keys = new ReceiveKeys<string>([]);
  for (const n of numbers) keys.add(key(n), n);
  return keys;
}

const names = (keys: ReceiveKeys<string>): string[] => keys.rows.map((row) => row.key);

test("a new key is due once the newest was used, or after a day", () => {
  const keys = ring();
  expect(keys.needsNew(0)).toBe(true);
  keys.add(key(1), 0);
  expect(keys.needsNew(DAY_MS - 1)).toBe(false);
  expect(keys.needsNew(DAY_MS)).toBe(true);
  keys.noteUse(id(1), null);
  expect(keys.needsNew(1)).toBe(true);
  keys.add(key(2), 1);
  expect(keys.needsNew(1)).toBe(false);
  expect(keys.newest?.key).toBe("secret 2");
});

test("a replaced key goes when a newer one was used and nothing before that is missing", () => {
  const keys = ring(1, 2, 3);
  expect(keys.erase(10, at(100))).toEqual([]);
  keys.noteUse(id(2), at(7));
  expect(keys.erase(10, at(5))).toEqual([]);
  expect(keys.erase(10, null)).toEqual([]);
  expect(keys.erase(10, at(6)).map((row) => row.key)).toEqual(["secret 1"]);
  expect(names(keys)).toEqual(["secret 2", "secret 3"]);
  expect([keys.find(id(1)), keys.find(id(9))]).toEqual(["erased", "unknown"]);
});

test("an acknowledgement alone lets no key go", () => {
  const keys = ring(1, 2);
  keys.noteUse(id(2), null);
  expect(keys.erase(10, at(100))).toEqual([]);
});

test("the first message of a key counts, also when a later one came first", () => {
  const keys = ring(1, 2);
  keys.noteUse(id(2), at(9));
  keys.noteUse(id(2), at(7));
  keys.noteUse(id(2), at(8));
  expect(keys.erase(10, at(5))).toEqual([]);
  expect(keys.erase(10, at(6))).toHaveLength(1);
});

test("numbers of an older epoch of the peer say nothing of the new one", () => {
  const keys = ring(1, 2);
  keys.noteUse(id(2), at(50, "old"));
  expect(keys.erase(10, at(60, "new"))).toEqual([]);
  keys.noteUse(id(2), at(1, "new"));
  expect(keys.erase(10, at(1, "new"))).toHaveLength(1);
});

test("eight days after it was replaced a key goes whatever is missing, the newest never", () => {
  const keys = ring(1, 2);
  expect(keys.erase(2 + RECEIVE_KEY_KEPT_MS - 1, null)).toEqual([]);
  expect(keys.erase(2 + RECEIVE_KEY_KEPT_MS, null)).toHaveLength(1);
  expect(keys.erase(1000 * DAY_MS, at(1_000_000))).toEqual([]);
  expect(names(keys)).toEqual(["secret 2"]);
});

test("a ring reads back from its rows", () => {
  const keys = ring(1, 2, 3);
  keys.noteUse(id(2), at(4));
  keys.erase(10, at(4));
  const again = new ReceiveKeys(keys.rows, keys.erasedIds);
  expect(again.rows).toEqual(keys.rows);
  expect(again.find(id(1))).toBe("erased");
});

test("whatever happens: rows and ids are bounded, and the newest stays", () => {
  const step = fc.record({
    what: fc.constantFrom("add", "use", "ack", "erase"),
    n: fc.nat(200),
    sequence: fc.nat(50),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const keys = new ReceiveKeys<string>([]);
      let made = 0;
      for (const { what, n, sequence } of steps) {
        if (what === "add") keys.add(key(made++), made * 1000);
        if (what === "use") keys.noteUse(id(n), at(sequence));
        if (what === "ack") keys.noteUse(id(n), null);
        if (what === "erase") keys.erase(made * 1000, at(sequence));
        expect(keys.rows.length).toBeLessThanOrEqual(RECEIVE_KEYS_MAX);
        expect(keys.erasedIds.length).toBeLessThanOrEqual(256);
        if (made > 0) expect(keys.newest?.key).toBe(`secret ${made - 1}`);
        expect(keys.rows.filter((row) => row.replacedAtMs === null).length).toBe(made > 0 ? 1 : 0);
      }
    }),
    { seed: 31, numRuns: 100 },
  );
});
