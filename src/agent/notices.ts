// What the person at this machine has to know and no command of theirs has asked for, shown by
// `muster status`. Each stands under a key, so that it is said once and taken back when it no longer holds.
export class Notices {
  readonly #byKey = new Map<string, string>();

  set(key: string, text: string): void {
    this.#byKey.set(key, text);
  }

  clear(key: string): void {
    this.#byKey.delete(key);
  }

  all(): string[] {
    return [...this.#byKey.values()];
  }
}
