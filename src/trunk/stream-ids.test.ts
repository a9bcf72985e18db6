import { expect, test } from "bun:test";
import { isIdOf, nextId, wasUsed } from "./stream-ids.ts";

const none = (): boolean => false;

test("the hub's ids are odd, the agent's even, and 0 is nobody's first", () => {
  expect([nextId("hub", 0, none), nextId("hub", 1, none)]).toEqual([1, 3]);
  expect([nextId("agent", 0, none), nextId("agent", 2, none)]).toEqual([2, 4]);
  expect(isIdOf("hub", 1)).toBe(true);
  expect(isIdOf("agent", 1)).toBe(false);
  expect(isIdOf("agent", 0xffff_fffe)).toBe(true);
});

test("ids run round after the last, over 0 and over those in use", () => {
  expect(nextId("hub", 0xffff_ffff, none)).toBe(1);
  expect(nextId("agent", 0xffff_fffe, none)).toBe(2);
  expect(nextId("hub", 0xffff_ffff, (id) => id === 1 || id === 3)).toBe(5);
});

test("an id is used when it is the last or came before it, even round the end", () => {
  expect(wasUsed(1, 0)).toBe(false);
  expect(wasUsed(1, 1)).toBe(true);
  expect(wasUsed(1, 5)).toBe(true);
  expect(wasUsed(7, 5)).toBe(false);
  expect(wasUsed(0xffff_ffff, 1)).toBe(true);
  expect(wasUsed(1, 0xffff_ffff)).toBe(false);
});
