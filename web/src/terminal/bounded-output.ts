// Output towards a screen that takes time for it: the source stops while too much waits, so that a program that writes
// without end fills no memory, and a key that ends it is heard at once.

export interface OutputTarget {
  /** `shown` once it is done with them. */
  write(bytes: Uint8Array, shown: () => void): void;
}

export interface OutputSource {
  pause(): void;
  resume(): void;
}

/** A few pieces as a device sends them: a fraction of a second of drawing. */
export const WAITING_MAX_BYTES = 128 * 1024;
const ENOUGH_BYTES = 32 * 1024;

export function boundedOutput(target: OutputTarget, source: OutputSource): (bytes: Uint8Array) => void {
  let waiting = 0;
  let isPaused = false;
  return (bytes) => {
    waiting += bytes.length;
    if (!isPaused && waiting > WAITING_MAX_BYTES) {
      isPaused = true;
      source.pause();
    }
    target.write(bytes, () => {
      waiting -= bytes.length;
      if (!isPaused || waiting > ENOUGH_BYTES) return;
      isPaused = false;
      source.resume();
    });
  };
}
