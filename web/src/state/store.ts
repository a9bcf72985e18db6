// A value that changes and can be watched. React reads it through useSyncExternalStore; nothing else is needed.

export interface Store<Value> {
  get(): Value;
  /** Replaces what is named; tells watchers only when something really differs. */
  set(part: Partial<Value>): void;
  subscribe(watcher: () => void): () => void;
}

export function createStore<Value extends object>(first: Value): Store<Value> {
  let value = first;
  const watchers = new Set<() => void>();
  return {
    get: () => value,
    set(part) {
      // Object.keys forgets that the keys are those of the value.
      const keys = Object.keys(part) as (keyof Value)[];
      if (keys.every((key) => Object.is(value[key], part[key]))) return;
      value = { ...value, ...part };
      for (const watcher of watchers) watcher();
    },
    subscribe(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}
