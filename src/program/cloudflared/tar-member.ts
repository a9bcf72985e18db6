// One file out of a tar archive (POSIX.1-1988 ustar), as a stream. Whatever else the archive holds is passed over,
// and no name in it ever becomes a path.
const BLOCK_BYTES = 512;
const NAME = { at: 0, length: 100 };
const SIZE = { at: 124, length: 12 };
const TYPE_AT = 156;
/** "0", or nothing in archives older than the standard. */
const REGULAR = new Set([0, "0".charCodeAt(0)]);

export interface WantedMember {
  /** Exactly as it stands in the archive, or with `./` before it. */
  name: string;
  maxBytes: number;
}

/** The bytes of the first regular file of that name. Throws where there is none, or less or more than there may be. */
export async function* tarMember(
  chunks: AsyncIterable<Uint8Array>,
  { name, maxBytes }: WantedMember,
): AsyncGenerator<Uint8Array> {
  const source = new Source(chunks);
  for (;;) {
    const header = await source.exactly(BLOCK_BYTES);
    if (header === undefined || header.every((byte) => byte === 0))
      throw new Error(`no ${name} in the archive`);
    const size = readSize(header);
    if (size > maxBytes) throw new Error("a file in the archive is too large");
    const found = textOf(header, NAME).replace(/^\.\//, "") === name && REGULAR.has(header[TYPE_AT] ?? 0);
    for await (const part of source.upTo(size)) if (found) yield part;
    if (found) return;
    await source.pass(-size & (BLOCK_BYTES - 1));
  }
}

function readSize(header: Uint8Array): number {
  const text = textOf(header, SIZE).trim();
  if (!/^[0-7]{1,11}$/.test(text)) throw new Error("the archive is damaged");
  return Number.parseInt(text, 8);
}

function textOf(header: Uint8Array, { at, length }: { at: number; length: number }): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("latin1");
}

/** Bytes in the portions that one asks for, whatever those are in which they come. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Undefined when there are no more. */
  async exactly(length: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length < length) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return undefined;
      this.#rest = Buffer.concat([this.#rest, value]);
    }
    return this.#take(length);
  }

  async *upTo(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done === true) throw new Error("the archive is cut short");
        this.#rest = value;
      }
      const part = this.#take(Math.min(left, this.#rest.length));
      left -= part.length;
      yield part;
    }
  }

  async pass(length: number): Promise<void> {
    const parts = this.upTo(length);
    while ((await parts.next()).done !== true);
  }

  #take(length: number): Uint8Array {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}
