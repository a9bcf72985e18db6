// A bound that many share: so many at once, and so many bytes, or one alone, however large. Who comes first is let in
// first, so that a large one is not passed by for ever.

interface Waiting {
  bytes: number;
  enter(): void;
}

export class AtOnce {
  readonly #most: { count: number; bytes: number };
  readonly #waiting: Waiting[] = [];
  #count = 0;
  #bytes = 0;

  constructor(most: { count: number; bytes: number }) {
    this.#most = most;
  }

  /** Undefined: it is in. Else when there is room, and it is. */
  enter(bytes: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#take(bytes);
      return undefined;
    }
    return new Promise((enter) => this.#waiting.push({ bytes, enter }));
  }

  leave(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
    for (
      let [first] = this.#waiting;
      first !== undefined && this.#fits(first.bytes);
      [first] = this.#waiting
    ) {
      this.#waiting.shift();
      this.#take(first.bytes);
      first.enter();
    }
  }

  #take(bytes: number): void {
    this.#count += 1;
    this.#bytes += bytes;
  }

  #fits(bytes: number): boolean {
    if (this.#count === 0) return true;
    return this.#count < this.#most.count && this.#bytes + bytes <= this.#most.bytes;
  }
}
