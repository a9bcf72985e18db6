// A promise that is settled from outside. `Promise.withResolvers` is the same, and Node 20 has none.

export interface OpenPromise<Value> {
  promise: Promise<Value>;
  resolve(value: Value): void;
  reject(problem: unknown): void;
}

export function openPromise<Value>(): OpenPromise<Value> {
  let resolve!: (value: Value) => void; // set before the constructor of Promise returns
  let reject!: (problem: unknown) => void;
  const promise = new Promise<Value>((good, bad) => {
    resolve = good;
    reject = bad;
  });
  return { promise, resolve, reject };
}
