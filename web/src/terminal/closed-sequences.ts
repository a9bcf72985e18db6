// What a program may ask of most terminals and not of this one. The emulator itself leaves out what would reach beyond
// its own rows (the clipboard, images, the window: its addons and options for them are not there); here goes the rest.
import type { IParser } from "@xterm/xterm";

/** A link whose words are the program's and whose address nobody sees. */
const LINK = 8;
/** The palette, ink, ground and cursor: they are the page's, and can be read. Programs may ask for them. */
const PALETTE = 4;
const COLOURS = [10, 11, 12];
const COLOURS_BACK = [104, 110, 111, 112];
/** Of the sequences that do one thing so often as they are told: more than any screen has rows or columns. */
const REPEATS_MAX = 1_000;
/** Rows in and out, tabs forth and back, the last letter again. */
const REPEATING = ["L", "M", "S", "T", "I", "Z", "b"];

export function closeSequences(parser: Pick<IParser, "registerOscHandler" | "registerCsiHandler">): void {
  for (const kind of [LINK, ...COLOURS_BACK]) parser.registerOscHandler(kind, () => true);
  parser.registerOscHandler(PALETTE, (data) => !isQuestion(data.split(";").filter((_, at) => at % 2 === 1)));
  for (const kind of COLOURS) parser.registerOscHandler(kind, (data) => !isQuestion(data.split(";")));
  for (const final of REPEATING) {
    parser.registerCsiHandler({ final }, ([count]) => typeof count === "number" && count > REPEATS_MAX);
  }
}

function isQuestion(values: readonly string[]): boolean {
  return values.length <= 16 && values.every((value) => value === "?");
}
