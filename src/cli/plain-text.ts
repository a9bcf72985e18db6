// Text from elsewhere (names, logs, reasons, errors of a hub) made safe for a terminal: what moves the cursor,
// sets titles, answers queries or reorders the line never reaches it.

/** CSI, then OSC and the other strings up to their end (or the end of the text), then any other escape. */
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;

/** C0 but tab and line feed, DEL, C1, marks of direction, and the two Unicode line breaks. */
const CONTROLS =
  // oxlint-disable-next-line no-control-regex -- as above
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Without control sequences and control characters; tabs and line breaks stay. */
export function stripControl(text: string): string {
  return text.replaceAll(SEQUENCES, "").replaceAll(CONTROLS, "");
}

/** The same on one line. */
export function plainLine(text: string): string {
  return stripControl(text.replaceAll(/\r?\n|\t/g, " "));
}

/** The same value with every text in it on one plain line. */
export function plainValue<Value>(value: Value): Value {
  return plain(value) as Value; // only texts change, and they stay texts
}

function plain(value: unknown): unknown {
  if (typeof value === "string") return plainLine(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [plainLine(key), plain(inner)]));
}
