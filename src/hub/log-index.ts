// Which owner logs name a key, so that nobody walks all of them for a key that somebody shows. It says where to look
// and nothing more: what a log lets the key do, and until when, is asked of the log itself.

export class LogIndex {
  readonly #rootsOf = new Map<string, Set<string>>();
  readonly #keysOf = new Map<string, ReadonlySet<string>>();

  /** The log `root` names these and no others. */
  keep(root: string, keys: Iterable<string>): void {
    const named = new Set(keys);
    for (const key of this.#keysOf.get(root) ?? []) if (!named.has(key)) this.#drop(root, key);
    for (const key of named) {
      const roots = this.#rootsOf.get(key) ?? new Set();
      this.#rootsOf.set(key, roots.add(root));
    }
    this.#keysOf.set(root, named);
  }

  /** A list of the asker's own. */
  rootsOf(key: string): string[] {
    return [...(this.#rootsOf.get(key) ?? [])];
  }

  #drop(root: string, key: string): void {
    const roots = this.#rootsOf.get(key);
    roots?.delete(root);
    if (roots?.size === 0) this.#rootsOf.delete(key);
  }
}
