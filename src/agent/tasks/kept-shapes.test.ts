import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { utf8 } from "../../protocol/bytes.ts";
import { readJson, readKeeperWord, readKeptWord, RUN_PARTS } from "./kept-shapes.ts";

const end = { exit_code: 0, signal: null, reason: null, started_at: 1, ended_at: 2 };
const request = {
  task: "a",
  request: { argv: ["true"], stdin: false },
  home: "/",
  environment: { PATH: "/bin" },
  live: true,
};
const GOOD = [
  { check: RUN_PARTS.request, value: request },
  { check: RUN_PARTS.start, value: { keeper: null, at: 1 } },
  { check: RUN_PARTS.start, value: { keeper: { pid: 7, mark: "x" }, at: 1 } },
  { check: RUN_PARTS.child, value: { pid: 7, mark: null } },
  { check: RUN_PARTS.end, value: end },
];
const KEEPER_WORDS = [
  { type: "input_end" },
  { type: "signal", name: "INT" },
  { type: "cancel", reason: "why" },
  { type: "live", on: false },
];
const KEPT_WORDS = [
  { type: "started", pid: 7, at: 1 },
  { type: "input_taken", bytes: 3 },
  { type: "ended", end },
];

const read = (value: unknown) => readKeeperWord(utf8(JSON.stringify(value)));
const readKept = (value: unknown) => readKeptWord(utf8(JSON.stringify(value)));

test("what an agent and a keeper write is read as it was, by the one that it is for", () => {
  for (const { check, value } of GOOD) expect(check(value)).toBe(true);
  for (const word of KEEPER_WORDS) expect([read(word), readKept(word)]).toEqual([word as never, undefined]);
  for (const word of KEPT_WORDS) expect([readKept(word), read(word)]).toEqual([word as never, undefined]);
});

test("what another version adds does no harm", () => {
  for (const { check, value } of GOOD) expect(check({ ...value, new_field: [1] })).toBe(true);
  expect(read({ type: "live", on: true, more: 1 })).toBeDefined();
});

test("without any of its fields, or with another kind of value in it, it is none", () => {
  const spoilt = (value: object) =>
    Object.keys(value).flatMap((name) => [
      Object.fromEntries(Object.entries(value).filter(([other]) => other !== name)),
      { ...value, [name]: Symbol.iterator },
      { ...value, [name]: [[]] },
    ]);
  for (const { check, value } of GOOD) for (const bad of spoilt(value)) expect(check(bad)).toBe(false);
  for (const word of [...KEEPER_WORDS, ...KEPT_WORDS]) {
    for (const bad of spoilt(word)) expect([read(bad), readKept(bad)]).toEqual([undefined, undefined]);
  }
  for (const argv of [[], ["a", 1], "a"]) {
    expect(RUN_PARTS.request({ ...request, request: { argv, stdin: false } })).toBe(false);
  }
  expect(read({ type: "signal", name: "STOP" })).toBeUndefined();
  expect(read({ type: "toString" })).toBeUndefined();
});

test("anything at all is answered, never thrown at", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json().map(utf8), fc.uint8Array()), (bytes) => {
      const value = readJson(bytes);
      for (const { check } of GOOD) check(value);
      readKeeperWord(bytes);
      readKeptWord(bytes);
    }),
    { seed: 18, numRuns: 500 },
  );
});
