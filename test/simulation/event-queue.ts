// What is still to happen, earliest first. Events of one moment happen in the order in which they were asked
// for, save that those of the second phase come after all of the first.

/** `turn`: what is due now. `after`: what waits for the end of the loop turn (setImmediate). */
export type Phase = "turn" | "after";

export interface SimEvent {
  atMs: number;
  readonly phase: Phase;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A binary heap: its sibling order does not matter, since no two events compare as equal. */
export class EventQueue {
  readonly #heap: SimEvent[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  /** The earliest that was not cancelled, left where it is. */
  peek(): SimEvent | undefined {
    while (this.#heap[0]?.cancelled === true) this.#shift();
    return this.#heap[0];
  }

  /** Takes what `peek` showed. */
  shift(): SimEvent | undefined {
    const first = this.peek();
    if (first !== undefined) this.#shift();
    return first;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [leftAt, rightAt] = [2 * at + 1, 2 * at + 2];
      const [left, right] = [heap[leftAt], heap[rightAt]];
      if (left === undefined) break;
      const [child, childAt] =
        right !== undefined && isBefore(right, left) ? [right, rightAt] : [left, leftAt];
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

function isBefore(left: SimEvent, right: SimEvent): boolean {
  if (left.atMs !== right.atMs) return left.atMs < right.atMs;
  if (left.phase !== right.phase) return left.phase === "turn";
  return left.order < right.order;
}
