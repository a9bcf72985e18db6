// An output as the commands see it: lines, styles and a width. Colour only on a terminal and never with
// NO_COLOR; a terminal without a known width (some scripts and CI have one of 0 columns) counts as none.

import { styleText } from "node:util";
import { proseLines } from "./prose.ts";
import type { Output } from "./surroundings.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface Terminal {
  /** A person watches: lines may be redrawn and cut to `columns`. */
  readonly interactive: boolean;
  /** As it is now: a terminal may be resized. Infinity where nothing has to be cut. */
  readonly columns: number;
  /** Infinity as well. */
  readonly rows: number;
  line(text: string): void;
  /** Sentences: broken between words where a person watches. */
  prose(text: string): void;
  write(text: string): void;
  style(style: Style, text: string): string;
  width(text: string): number;
}

/** Where a terminal does not say. */
const USUAL_ROWS = 24;

export function createTerminal(
  output: Output,
  environment: Readonly<Record<string, string | undefined>>,
  stringWidth: (text: string) => number,
): Terminal {
  const known = output.columns ?? 0;
  const interactive = output.isTerminal && known > 0 && environment["TERM"] !== "dumb";
  const coloured = interactive && (environment["NO_COLOR"] ?? "") === "";
  const columns = (): number => (interactive ? output.columns || known : Number.POSITIVE_INFINITY);
  return {
    interactive,
    get columns() {
      return columns();
    },
    get rows() {
      return interactive ? output.rows || USUAL_ROWS : Number.POSITIVE_INFINITY;
    },
    line: (text) => output.write(`${text}\n`),
    prose: (text) =>
      output.write(`${proseLines(text, { columns: columns(), width: stringWidth }).join("\n")}\n`),
    write: (text) => output.write(text),
    // validateStream off: whether to colour was decided above, from the output handed in.
    style: (style, text) =>
      coloured && text !== "" ? styleText(style, text, { validateStream: false }) : text,
    width: stringWidth,
  };
}
