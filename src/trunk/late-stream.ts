// A stream whose reader is not known yet: it is held until then, and what happens to it meanwhile is told later.
import type { ByteStreamEvents } from "../world/world.ts";
import type { TrunkStream, TrunkStreamEvents } from "./stream.ts";

export interface LateStream {
  /** For whoever opens or takes the stream. */
  readonly events: TrunkStreamEvents;
  /** From now on these are told. */
  hand(to: ByteStreamEvents): void;
}

/** `reset` hears with which code the far side dropped it. */
export function lateStream(stream: () => TrunkStream | undefined, reset: (code: number) => void): LateStream {
  let reader: ByteStreamEvents | undefined;
  let closed: { error: Error | undefined } | undefined;
  return {
    events: {
      data: (bytes) => reader?.data(bytes),
      drain: () => reader?.drain(),
      end: () => reader?.end(),
      close(error) {
        closed = { error };
        reader?.close(error);
      },
      reset,
    },
    hand(to) {
      reader = to;
      if (closed !== undefined) return to.close(closed.error);
      stream()?.resume();
    },
  };
}
