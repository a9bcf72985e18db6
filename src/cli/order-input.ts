// What comes in here, brought to an order under way as fast as it is read there. All of it arrives in its order, or
// whoever waits is told: half an input that looks like a whole one would be worse than none.
import { MusterError } from "../protocol/errors.ts";
import type { OrderCalls } from "./hub-session.ts";

export interface OrderInput {
  /** Bytes are on their way, or may still come. */
  readonly isOpen: boolean;
  /** Nothing more is brought. */
  stop(): void;
}

export interface OrderInputWish {
  order: string;
  pieces: AsyncIterable<Uint8Array>;
  /** It did not arrive in full, though the order is under way. */
  failed(problem: MusterError): void;
}

export function bringInput(orders: OrderCalls, { order, pieces, failed }: OrderInputWish): OrderInput {
  const iterator = pieces[Symbol.asyncIterator]();
  const left = new AbortController();
  let isOpen = true;
  const bring = async (): Promise<void> => {
    for (;;) {
      const piece = await iterator.next();
      if (left.signal.aborted) return;
      if (piece.done === true) return orders.tell(order, { type: "input_end" });
      await orders.input(order, piece.value);
    }
  };
  bring()
    .catch((error: unknown) => {
      // It ended without reading all of it, as programs may; how it ended is told elsewhere.
      if (left.signal.aborted || (error instanceof MusterError && error.code === "not_found")) return;
      const why = error instanceof Error ? error.message : String(error);
      failed(
        new MusterError("unavailable", `its input could not be brought to it: ${why}`, { cause: error }),
      );
    })
    .finally(() => (isOpen = false));
  return {
    get isOpen() {
      return isOpen;
    },
    stop() {
      left.abort();
      // A terminal's next line may never come.
      void iterator.return?.();
    },
  };
}
