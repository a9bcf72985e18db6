import { expect, test } from "bun:test";
import { Screen, SCROLLBACK_ROWS } from "./screen.ts";

function screen(cols = 10, rows = 4) {
  const answers: string[] = [];
  const made = new Screen({ cols, rows }, { answer: (text) => void answers.push(text) });
  const write = (...pieces: string[]): void => {
    for (const piece of pieces) made.write(new TextEncoder().encode(piece));
  };
  const lines = (): string[] =>
    made.rows.map((row) =>
      row
        .runs()
        .map(({ text }) => text)
        .join(""),
    );
  return { screen: made, write, lines, answers };
}

/** What stands on a screen of 10 by 4 after this was written. */
function shown(...pieces: string[]): string[] {
  const { write, lines } = screen();
  write(...pieces);
  return lines();
}

test("letters wrap at the edge only when another one comes, and rows scroll off into what is kept", () => {
  expect(shown("0123456789")).toEqual(["0123456789", "", "", ""]);
  expect(shown("0123456789\r\nab")).toEqual(["0123456789", "ab", "", ""]);
  expect(shown("0123456789ab")).toEqual(["0123456789", "ab", "", ""]);
  expect(shown("1\r\n2\r\n3\r\n4\r\n5")).toEqual(["1", "2", "3", "4", "5"]);
  expect(shown("\u001B[?7l0123456789ab")).toEqual(["012345678b", "", "", ""]);
});

test("controls move and erase as programs expect", () => {
  expect(shown("abc\bX\r\n\tT\rZ")).toEqual(["abX", "Z       T", "", ""]);
  expect(shown("aaa\r\nbbb\r\nccc\u001B[2;2HX\u001B[1J")).toEqual(["", "", "ccc", ""]);
  expect(shown("aaa\r\nbbb\r\nccc\u001B[2;2H\u001B[J")).toEqual(["aaa", "b", "", ""]);
  expect(shown("abcdef\u001B[3G\u001B[2P\u001B[1@-")).toEqual(["ab-ef", "", "", ""]);
  expect(shown("abcdef\u001B[2G\u001B[2X\u001B[5G\u001B[K")).toEqual(["a  d", "", "", ""]);
  expect(shown("x\u001B[3b\u001B[2;2Hy\u001B[A\u001B[Cz\u001B[Bw\u001B[5D.")).toEqual([
    "xxxz",
    ".y  w",
    "",
    "",
  ]);
});

test("a region scrolls by itself, and nothing of it is kept", () => {
  const { write, lines } = screen();
  write("1\r\n2\r\n3\r\n4\u001B[2;3r\u001B[3;1H\nX");
  expect(lines()).toEqual(["1", "3", "X", "4"]);
  write("\u001B[2;1H\u001BMY\u001B[2;1H\u001B[L\u001B[3;1H\u001B[M");
  expect(lines()).toEqual(["1", "", "", "4"]);
});

test("a full-screen program has a page of its own, and leaves the other as it was", () => {
  const { screen: made, write, lines } = screen();
  write("shell$ ", "\u001B[?1049h\u001B[2J\u001B[Hvim", "\r\n".repeat(9));
  expect(lines()).toEqual(["", "", "", ""]);
  write("\u001B[?1h\u001B[?2004h\u001B[?25l");
  expect([made.wants.arrows, made.wants.paste, made.cursor]).toEqual([true, true, undefined]);
  write("\u001B[?1l\u001B[?2004l\u001B[?25h\u001B[?1049lls");
  expect(lines()).toEqual(["shell$ ls", "", "", ""]);
  expect([made.wants.arrows, made.wants.paste, made.cursor]).toEqual([false, false, { row: 0, col: 9 }]);
});

test("looks are kept by letter, and what is erased keeps the ground", () => {
  const { screen: made, write } = screen();
  write("a\u001B[1;31mb\u001B[22;38;5;200mc\u001B[38;2;1;2;3;4md\u001B[0me\u001B[44m\u001B[K");
  expect(made.rows[0]?.runs()).toEqual([
    { text: "a", style: {} },
    { text: "b", style: { bold: true, ink: 1 } },
    { text: "c", style: { ink: 200 } },
    { text: "d", style: { ink: [1, 2, 3], underline: true } },
    { text: "e", style: {} },
    { text: "     ", style: { ground: 4 } },
  ]);
});

test("letters that are put in or taken out move what is behind them, and leave the ground that is set", () => {
  const runsOf = (text: string) => {
    const { screen: made, write } = screen(6, 1);
    write(text);
    return made.rows[0]?.runs();
  };
  expect(runsOf("abc\u001B[44m\u001B[2G\u001B[2P")).toEqual([
    { text: "a   ", style: {} },
    { text: "  ", style: { ground: 4 } },
  ]);
  expect(runsOf("abc\u001B[44m\u001B[2G\u001B[2@")).toEqual([
    { text: "a", style: {} },
    { text: "  ", style: { ground: 4 } },
    { text: "bc", style: {} },
  ]);
  expect(runsOf("abcdef\u001B[2G\u001B[3@")).toEqual([{ text: "a   bc", style: {} }]);
  expect(runsOf("abc漢e\u001B[1G\u001B[2@")).toEqual([{ text: "  abc", style: {} }]);
});

test("wide letters take two cells, marks none, and half of one is no letter", () => {
  expect(shown("a漢b")).toEqual(["a漢b", "", "", ""]);
  expect(shown("e\u0301x")).toEqual(["e\u0301x", "", "", ""]);
  expect(shown("a漢b\u001B[3GX")).toEqual(["a Xb", "", "", ""]);
  expect(shown("12345678 漢")).toEqual(["12345678", "漢", "", ""]);
  const { write, lines } = screen();
  write(`e${"\u0301".repeat(5000)}`);
  expect(lines()[0]?.length).toBeLessThan(20);
});

test("sequences may be cut anywhere, and what is none is shown nowhere", () => {
  const whole =
    "a\u001B[31mb\u001B]0;a title\u0007c\u001B]52;c;aGk=\u001B\\d\u001BPq#0\u001B\\e\u001B(0qx\u001B(Bf\u001B[?99;1$yg";
  const expected = ["abcde─│fg", "", "", ""];
  expect(shown(whole)).toEqual(expected);
  expect(shown(...Array.from(whole))).toEqual(expected);
  expect(shown(`\u001B[${"1;".repeat(500)}mz`, "\u001B[99999999999999Gy")[0]).toEndWith("y");
  expect(shown("\u001B[1\u0018ok", "\u001B\u001B[Cx")).toEqual(["ok x", "", "", ""]);
});

test("what is asked of the terminal is answered in its own words alone", () => {
  const { write, answers } = screen();
  write(
    "\u001B[3;5H\u001B[6n\u001B[5n\u001B[c\u001B[>c\u001B]0;evil\u0007\u001B[21t\u001B]10;?\u0007\u001BP+q\u001B\\",
  );
  expect(answers).toEqual(["\u001B[3;5R", "\u001B[0n", "\u001B[?62;22c", "\u001B[>0;10;1c"]);
});

test("another size keeps what stands there, from the top where it gets lower", () => {
  const { screen: made, write, lines } = screen();
  write("1\r\n2\r\n3\r\n4444444444");
  made.resize({ cols: 6, rows: 2 });
  expect(lines()).toEqual(["1", "2", "3", "444444"]);
  expect(made.cursor).toEqual({ row: 3, col: 5 });
  made.resize({ cols: 12, rows: 3 });
  write("\r\n5");
  expect(lines()).toEqual(["1", "2", "3", "444444", "5"]);
});

test("no more rows are kept than a bound, and rows that stay are the same objects", () => {
  const { screen: made, write } = screen();
  write("line\r\n".repeat(SCROLLBACK_ROWS + 100));
  expect(made.rows.length).toBe(SCROLLBACK_ROWS + 4);
  const before = made.rows.at(5)?.runs();
  write("more");
  expect(made.rows.at(5)?.runs()).toBe(before);
  write("\u001B[3J");
  expect(made.rows.length).toBe(4);
});

test("noise breaks nothing", () => {
  let seed = 7;
  const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const { screen: made, lines } = screen(20, 6);
  const words = [
    "\u001B[",
    "\u001B",
    "?",
    ";",
    "1",
    "999",
    "h",
    "l",
    "H",
    "J",
    "L",
    "M",
    "P",
    "@",
    "r",
    "漢",
    "\n",
    "x",
    "\u001B[?1049h",
    "\u001B[?1049l",
  ];
  for (let round = 0; round < 4000; round++) {
    const text = Array.from({ length: 5 }, () => words[next(words.length)]).join("");
    made.write(new TextEncoder().encode(text));
    if (round % 50 === 0) made.resize({ cols: 1 + next(40), rows: 1 + next(12) });
  }
  expect(lines().length).toBeGreaterThanOrEqual(made.size.rows);
  for (const row of made.rows.slice(-made.size.rows)) {
    expect(
      Array.from(
        row
          .runs()
          .map(({ text }) => text)
          .join(""),
      ).length,
    ).toBeLessThanOrEqual(made.size.cols);
  }
});
