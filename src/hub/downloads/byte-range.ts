// One range of a file, as a download that was cut asks for its rest (RFC 9110, 14). Several at once, and what
// is no range, are answered with the whole file, which the RFC lets a server do.

export interface ByteRange {
  start: number;
  /** The first byte that is not in it. */
  end: number;
}

/** Undefined: the whole. "outside": nothing of it is there (416). */
export function byteRange(header: string | null, size: number): ByteRange | "outside" | undefined {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (found === null) return undefined;
  const [, first = "", last = ""] = found;
  if (first === "" && last === "") return undefined;
  if (first === "") return suffix(Number(last), size);
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "outside" : { start, end };
}

function suffix(length: number, size: number): ByteRange | "outside" {
  return length === 0 || size === 0 ? "outside" : { start: Math.max(0, size - length), end: size };
}
