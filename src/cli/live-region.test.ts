import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { LiveRegion } from "./live-region.ts";
import { createTerminal } from "./terminal.ts";
import { FakeScreen } from "./testing/fake-screen.ts";

function region(columns = 20, rows = 6) {
  const screen = new FakeScreen(columns, rows);
  const out = createTerminal(screen, {}, (text) => Bun.stringWidth(text));
  return { screen, out, region: new LiveRegion(out) };
}

test("what is painted takes the place of what was, and what is printed before it stays", () => {
  const { screen, out, region: live } = region();
  out.line("$ muster");
  live.paint(["one", "two", "three"]);
  live.paint(["one", "2"]);
  expect(screen.text).toBe("$ muster\none\n2");
  live.paint(["a", "b", "c", "d"]);
  live.end(["the end"]);
  out.line("and on");
  expect(screen.text).toBe("$ muster\nthe end\nand on");
});

test("it takes no more than the screen, and none of it scrolls away", () => {
  const { screen, region: live } = region(20, 4);
  const lines = Array.from({ length: 50 }, (_, at) => `line ${at}`);
  live.paint(lines);
  live.paint(lines);
  expect([screen.text, screen.scrolled]).toEqual(["line 0\nline 1\nline 2", 0]);
  live.end(lines);
  expect(screen.text.split("\n")).toHaveLength(50);
});

test("a line is cut to the width, by the room that its characters take, and its style ends with it", () => {
  const { screen, out, region: live } = region(12);
  live.paint(["地下室のルーターの設定", out.style("bold", "abcdefghijklmnop")]);
  expect(screen.text).toBe("地下室のル…\nabcdefghij…");
});

test("a terminal that was made narrower has wrapped it, and it is found all the same", () => {
  const { screen, out, region: live } = region(40, 20);
  out.line("$ muster");
  live.paint(["a line that is rather long for it", "地下室のルーターの設定", "short"]);
  screen.resize(14);
  live.paint(["one", "two"]);
  expect(screen.text).toBe("$ muster\none\ntwo");
  screen.resize(60);
  live.paint(["three"]);
  live.end(["four"]);
  expect(screen.text).toBe("$ muster\nfour");
});

test("whatever is painted in whatever widths, what stood above stays as it was", () => {
  const word = fc.constantFrom("alpha", "ルーター", "x", "cellar behind the shelf", "");
  const lines = fc.array(
    fc.array(word, { maxLength: 4 }).map((words) => words.join(" ")),
    { maxLength: 9 },
  );
  const step = fc.record({ lines, columns: fc.integer({ min: 9, max: 50 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const { screen, out, region: live } = region(30, 40);
      out.line("above");
      for (const { lines: painted, columns } of steps) {
        screen.resize(columns);
        live.paint(painted.length === 0 ? [""] : painted);
      }
      live.end(["end"]);
      expect(screen.text).toBe("above\nend");
    }),
    { numRuns: 300, seed: 11 },
  );
});
