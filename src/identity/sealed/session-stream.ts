// A sealed session as a plain stream of bytes, for what has no messages of its own: a forward, a shell's output.
// Where one message ends and the next begins is not kept.

import type { ByteStream, ByteStreamEvents } from "../../world/world.ts";
import { SealedSession } from "./session.ts";
import type { SealedSessionOptions } from "./session.ts";

export interface SealedStream {
  stream: ByteStream;
  /** For the owner of the stream below. */
  streamEvents: ByteStreamEvents;
}

/** `opened` is called once the peer has proved its link key, before any of `events`. */
export function sealedStream(
  options: SealedSessionOptions,
  events: ByteStreamEvents,
  opened: (hash: Uint8Array) => void,
): SealedStream {
  const session = new SealedSession(options, {
    open: opened,
    message: (bytes) => events.data(bytes),
    drain: () => events.drain(),
    end: () => events.end(),
    close: (problem) => {
      isClosed = true;
      events.close(problem);
    },
  });
  let isClosed = false;
  let isShut = false;
  const stream: ByteStream = {
    write(bytes) {
      if (isClosed || isShut) return -1;
      const taken = Math.min(bytes.length, session.roomBytes);
      if (taken > 0) session.send(bytes.subarray(0, taken));
      return taken;
    },
    pause: () => session.pause(),
    resume: () => session.resume(),
    shutdown() {
      isShut = true;
      session.end();
    },
    close: () => session.close(),
  };
  return { stream, streamEvents: session.streamEvents };
}
