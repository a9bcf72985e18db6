import { expect, test } from "bun:test";
import type { IFunctionIdentifier, IParser } from "@xterm/xterm";
import { closeSequences } from "./closed-sequences.ts";

type Parameters = (number | number[])[];

function closed() {
  const orders = new Map<number, (data: string) => unknown>();
  const counted = new Map<string, (parameters: Parameters) => unknown>();
  const kept = { dispose() {} };
  const parser: Pick<IParser, "registerOscHandler" | "registerCsiHandler"> = {
    registerOscHandler(kind, handler) {
      orders.set(kind, handler);
      return kept;
    },
    registerCsiHandler({ final }: IFunctionIdentifier, handler) {
      counted.set(final, handler);
      return kept;
    },
  };
  closeSequences(parser);
  return {
    /** Whether it ends here, before the emulator hears it. */
    order: (kind: number, data: string) => orders.get(kind)?.(data) ?? false,
    repeat: (final: string, ...parameters: Parameters) => counted.get(final)?.(parameters) ?? false,
  };
}

test("links are words", () => {
  expect(closed().order(8, ";https://example.com/")).toBe(true);
});

test("a program may ask for colours, and sets none", () => {
  const { order } = closed();
  expect([order(11, "?"), order(10, "?;?"), order(4, "1;?;2;?")]).toEqual([false, false, false]);
  expect([order(11, "#fff"), order(10, "?;#fff"), order(4, "1;?;2;red"), order(12, "")]).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect([order(104, ""), order(110, ""), order(111, ""), order(112, "")]).toEqual([true, true, true, true]);
});

test("a count that no screen has rows or columns for does nothing", () => {
  const { repeat } = closed();
  for (const final of ["L", "M", "S", "T", "I", "Z", "b"]) {
    expect([repeat(final, 1000), repeat(final, 1001), repeat(final, 2 ** 31 - 1)]).toEqual([
      false,
      true,
      true,
    ]);
  }
  expect([repeat("S"), repeat("C", 9999)]).toEqual([false, false]);
});
