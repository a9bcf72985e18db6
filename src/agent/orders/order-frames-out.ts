// An order's account on its way to the CLI: frames that wait until they are asked for, and a word to the source when
// too much waits.
import { encodeOrderBytes, encodeOrderEvent, type OrderEvent } from "../../protocol/order-frames.ts";

const HOLD_BYTES = 256 * 1024;

export class OrderFramesOut {
  readonly readable: ReadableStream<Uint8Array>;
  /** Called when a reader has caught up after `bytes` said false. */
  room: () => void = () => {};
  /** The reader has gone. */
  gone: () => void = () => {};
  #frames: Uint8Array[] = [];
  #held = 0;
  #full = false;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor() {
    this.readable = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => this.#pull(controller),
        cancel: () => {
          this.#ended = true;
          this.gone();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** False: taken, but wait for `room`. */
  bytes(type: "output" | "errors", bytes: Uint8Array): boolean {
    this.#push(encodeOrderBytes(type, bytes));
    this.#full = this.#held > HOLD_BYTES;
    return !this.#full;
  }

  event(event: OrderEvent): void {
    this.#push(encodeOrderEvent(event));
  }

  end(last: OrderEvent): void {
    this.event(last);
    this.#ended = true;
    this.#wake?.();
  }

  #push(frame: Uint8Array): void {
    if (this.#ended) return;
    this.#frames.push(frame);
    this.#held += frame.length;
    this.#wake?.();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#frames.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    const frame = this.#frames.shift();
    if (frame === undefined) return controller.close();
    this.#held -= frame.length;
    controller.enqueue(frame);
    if (!this.#full || this.#held > HOLD_BYTES / 2) return;
    this.#full = false;
    this.room();
  }
}
