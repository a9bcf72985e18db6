// What a value of the configuration may be, and what is wrong with one that may not. The same check holds for
// a value of the file, of the environment and of a flag; only where it came from differs.

export type Value = string | number | boolean | readonly string[];

export type Shape =
  | { kind: "text"; maxLength: number; problem?(text: string): string | undefined }
  | { kind: "choice"; of: readonly string[] }
  | { kind: "number"; min: number; max: number }
  /** `or`: words that may stand there instead. */
  | { kind: "flag"; or?: readonly string[] }
  /** `or`: words that may stand there alone, instead of a list. */
  | { kind: "texts"; maxLength: number; or?: readonly string[]; problem?(text: string): string | undefined };

/** How many texts one list may hold. */
const TEXTS_MAX = 100;

/** Why `value` is none of this shape, in words that follow the key; undefined when it is one. */
export function shapeProblem(shape: Shape, value: unknown): string | undefined {
  switch (shape.kind) {
    case "text":
      return typeof value === "string" ? textProblem(shape, value) : notA("text in quotes", value);
    case "choice":
      return typeof value === "string" && shape.of.includes(value)
        ? undefined
        : `must be ${shape.of.map((each) => JSON.stringify(each)).join(" or ")}, not ${shown(value)}`;
    case "number":
      return Number.isInteger(value) && Number(value) >= shape.min && Number(value) <= shape.max
        ? undefined
        : notA(`a whole number from ${shape.min} to ${shape.max}`, value);
    case "flag":
      if (typeof value === "boolean" || (typeof value === "string" && shape.or?.includes(value) === true)) {
        return undefined;
      }
      return notA(
        ["true", ...(shape.or ?? []).map((word) => JSON.stringify(word)), "false"].join(" or "),
        value,
      );
    case "texts":
      if (typeof value === "string" && shape.or?.includes(value) === true) return undefined;
      if (!Array.isArray(value) || !value.every((each) => typeof each === "string")) {
        return notA("a list of texts", value);
      }
      if (value.length > TEXTS_MAX) return `may hold ${TEXTS_MAX} texts at most`;
      return value.map((each) => textProblem(shape, each)).find((problem) => problem !== undefined);
  }
}

/** A value of the environment or the command line, which are texts. Checked by `shapeProblem` afterwards. */
export function fromText(shape: Shape, text: string): unknown {
  switch (shape.kind) {
    case "text":
    case "choice":
      return text;
    case "number":
      return /^\d{1,15}$/.test(text) ? Number(text) : text;
    case "flag":
      return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : text;
    case "texts":
      return text
        .split(",")
        .map((each) => each.trim())
        .filter((each) => each !== "");
  }
}

function textProblem(
  { maxLength, problem }: { maxLength: number; problem?(text: string): string | undefined },
  text: string,
): string | undefined {
  if (text.length > maxLength) return `may have ${maxLength} characters at most`;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return "may not hold control characters";
  return problem?.(text);
}

function notA(wanted: string, value: unknown): string {
  return `must be ${wanted}, not ${shown(value)}`;
}

const SHOWN_MAX = 60;

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a table";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`;
}
