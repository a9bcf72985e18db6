// Bodies that tell whose they are, at every byte: no piece of one fits into another, or elsewhere into itself.

const LINE_BYTES = 32;
const made = new Map<string, Buffer>();
const KEPT = 200;

/** `length` bytes of the body that `from` sends for request `id`. */
export function bodyOf(from: string, id: string, length: number): Buffer {
  const key = `${from} ${id}`;
  const known = made.get(key);
  if (known !== undefined && known.length >= length) return known.subarray(0, length);
  const lines = Math.ceil(length / LINE_BYTES);
  const text = Array.from(
    { length: lines },
    (_, line) => `${key} ${line}`.padEnd(LINE_BYTES - 1, ".") + "\n",
  );
  const body = Buffer.from(text.join(""), "latin1");
  if (made.size >= KEPT) made.clear();
  made.set(key, body);
  return body.subarray(0, length);
}
