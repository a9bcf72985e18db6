// A value that must not be printed by accident. In text, JSON, templates and inspection it is ‹secret›; only
// `reveal()` gives it, so that every place where one leaves the program can be found by that word.

const SHOWN = "‹secret›";
/** Node's and Bun's hook for console.log and inspect. */
const inspect = Symbol.for("nodejs.util.inspect.custom");

export class Secret<Value> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  reveal(): Value {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect](): string {
    return SHOWN;
  }
}
