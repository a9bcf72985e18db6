// What comes from many sides, taken by one: one after the other, until there is no more. What is pushed is what its
// maker bounds.

export class Arrivals<Item> implements AsyncIterable<Item> {
  readonly #waiting: Item[] = [];
  #wake: () => void = () => {};
  #isOver = false;
  #problem: { thrown: unknown } | undefined;

  push(item: Item): void {
    this.#waiting.push(item);
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** What came before is still taken. */
  fail(thrown: unknown): void {
    this.#problem ??= { thrown };
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for (;;) {
      const item = this.#waiting.shift();
      if (item !== undefined) yield item;
      else if (this.#problem !== undefined) throw this.#problem.thrown;
      else if (this.#isOver) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
