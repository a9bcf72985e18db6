// Sentences on a terminal: broken between words, so that the terminal does not break them inside one. A command in
// backticks stays on one line, to be copied. Where nobody watches a line stays a line, for scripts.

/** Longer lines are harder to read, however wide the terminal. */
const COLUMNS_MAX = 80;

/** With the blanks before it; a backtick alone is a letter like any other. */
const WORD = /\s*(?:[^\s`]|`[^`]*`|`)+/g;

/** `columns` may be infinite. A word that is wider than that stands on a line of its own. */
export function proseLines(
  text: string,
  { columns, width }: { columns: number; width: (text: string) => number },
): string[] {
  if (columns === Number.POSITIVE_INFINITY) return [text];
  const most = Math.min(columns, COLUMNS_MAX);
  const lines: string[] = [];
  let line = "";
  for (const word of text.match(WORD) ?? []) {
    if (line !== "" && width(line + word) > most) {
      lines.push(line);
      line = word.trimStart();
    } else line += word;
  }
  lines.push(line);
  return lines;
}
