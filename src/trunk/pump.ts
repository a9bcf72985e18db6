// Joins two byte streams: what comes from one goes to the other, no faster than it is taken.
//
// Each end hands over its events object before its stream is known, since a stream and the connection it is
// joined to begin at different times. The rule: while anything waits for one side, the other is paused; a
// direction that ended whole is delivered whole, even when its source is gone.

import type { ByteStream, ByteStreamEvents } from "../world/world.ts";
import { ByteQueue } from "./byte-queue.ts";

export interface PumpEnd extends ByteStreamEvents {
  /** Gives the end its stream. Until then what comes from the other side waits there. */
  attach(stream: ByteStream): void;
}

export interface Pump {
  readonly left: PumpEnd;
  readonly right: PumpEnd;
}

/** `closed` is called once, when both sides are gone, with the first error there was. */
export function createPump(closed?: (error?: Error) => void): Pump {
  const left = new End();
  const right = new End();
  let open = 2;
  let firstError: Error | undefined;
  const gone = (error: Error | undefined): void => {
    open -= 1;
    firstError ??= error;
    if (open === 0) closed?.(firstError);
  };
  left.join(right, gone);
  right.join(left, gone);
  return { left, right };
}

class End implements PumpEnd {
  #stream: ByteStream | undefined;
  #far: End | undefined;
  #gone: (error: Error | undefined) => void = () => undefined;
  /** What came from the far side and this stream has not taken. */
  readonly #waiting = new ByteQueue();
  /** This side sent its end. */
  #ended = false;
  /** The far side sent its end: shut down once nothing waits. */
  #finishing = false;
  #shut = false;
  #closed = false;
  /** Closed before it had a stream. */
  #closing = false;

  join(far: End, gone: (error: Error | undefined) => void): void {
    this.#far = far;
    this.#gone = gone;
  }

  attach(stream: ByteStream): void {
    this.#stream = stream;
    if (this.#closing) return stream.close();
    if (this.#far !== undefined && this.#far.#waiting.length > 0) stream.pause();
    this.drain();
  }

  data(bytes: Uint8Array): void {
    const far = this.#far;
    if (far !== undefined && !far.#take(bytes)) this.#stream?.pause();
  }

  drain(): void {
    if (this.#stream === undefined || this.#closed) return;
    for (let bytes = this.#waiting.shift(); bytes !== undefined; bytes = this.#waiting.shift()) {
      const taken = this.#stream.write(bytes);
      if (taken < 0) return this.#refuse();
      if (taken < bytes.length) return this.#waiting.unshift(bytes.subarray(taken));
    }
    if (this.#finishing) this.#shutdown();
    else this.#resumeFar();
  }

  end(): void {
    this.#ended = true;
    const far = this.#far;
    if (far !== undefined) far.#finish();
  }

  close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.clear();
    // What this side sent in full is still delivered; then the far side is left to end by itself.
    const far = this.#far;
    if (this.#ended) this.#resumeFar();
    else if (far !== undefined) far.#drop();
    this.#gone(error);
  }

  /** False when the source must pause. */
  #take(bytes: Uint8Array): boolean {
    // Nobody is left to read it: the source is let run out.
    if (this.#closed) return true;
    if (this.#stream === undefined || this.#waiting.length > 0) {
      this.#waiting.push(bytes);
      return false;
    }
    const taken = this.#stream.write(bytes);
    if (taken < 0) {
      this.#refuse();
      return true;
    }
    if (taken === bytes.length) return true;
    this.#waiting.push(bytes.subarray(taken));
    return false;
  }

  #finish(): void {
    this.#finishing = true;
    if (this.#waiting.length === 0) this.#shutdown();
  }

  #shutdown(): void {
    if (this.#shut || this.#closed || this.#stream === undefined) return;
    this.#shut = true;
    this.#stream.shutdown();
  }

  #resumeFar(): void {
    const far = this.#far;
    if (far !== undefined && far.#stream !== undefined && !far.#closed) far.#stream.resume();
  }

  /** The stream takes no more, though its `close` has not come yet. */
  #refuse(): void {
    this.#waiting.clear();
    this.#stream?.close();
  }

  #drop(): void {
    if (this.#closed) return;
    this.#closing = true;
    this.#waiting.clear();
    if (this.#stream === undefined) this.close();
    else this.#stream.close();
  }
}
