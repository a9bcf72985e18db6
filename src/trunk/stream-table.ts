// The open streams of a trunk by their ids: a ring of slots, each stream at the slot its id names or soon behind it.
//
// In place of a Map, because streams come and go with every request. A Map under such churn leaves a trail of
// outgrown tables, each pointing to the next with the streams it once held; as soon as one of them is old, the
// collector of young objects keeps the whole trail and all that hangs on it.
//
// A far side may choose ids that crowd; what a search then costs is bounded by TRUNK_MAX_STREAMS.

const SLOTS_MIN = 8;
/** A table that was larger gives its slots back once it is empty: most trunks are idle. */
const SLOTS_KEPT = 64;

export class StreamTable<Stream extends { readonly id: number }> {
  /** A power of two long, and at least half of them empty: every search ends at an empty one. */
  #slots = emptySlots<Stream>(SLOTS_MIN);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    return this.#slots[this.#find(id)];
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** A stream whose id is not here yet. */
  add(stream: Stream): void {
    if (2 * (this.#size + 1) > this.#slots.length) this.#grow();
    this.#slots[this.#find(stream.id)] = stream;
    this.#size += 1;
  }

  delete(id: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#find(id);
    if (slots[hole] === undefined) return;
    this.#size -= 1;
    // Whoever was pushed over the hole moves back into it, or a search would end there too early.
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at];
      if (stream === undefined) break;
      const pushed = (at - stream.id) & mask;
      if (pushed < ((at - hole) & mask)) continue;
      slots[hole] = stream;
      hole = at;
    }
    slots[hole] = undefined;
    if (this.#size === 0 && slots.length > SLOTS_KEPT) this.clear();
  }

  /** Those that are here now; what happens meanwhile changes nothing about the list. */
  all(): Stream[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  clear(): void {
    this.#slots = emptySlots(SLOTS_MIN);
    this.#size = 0;
  }

  /** Where the stream is, or the empty slot where it would be. */
  #find(id: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = id & mask;
    for (;;) {
      const stream = slots[at];
      if (stream === undefined || stream.id === id) return at;
      at = (at + 1) & mask;
    }
  }

  #grow(): void {
    const streams = this.all();
    this.#slots = emptySlots(2 * this.#slots.length);
    for (const stream of streams) this.#slots[this.#find(stream.id)] = stream;
  }
}

function emptySlots<Stream>(length: number): (Stream | undefined)[] {
  return Array.from<Stream | undefined>({ length });
}
