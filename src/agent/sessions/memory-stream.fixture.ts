// One end of a stream in memory, as a hub joins two of them: what is written goes to whoever carries it.
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";

export class MemoryStream implements TrunkStream {
  readonly id = 1;
  #events: TrunkStreamEvents | undefined;
  #far: MemoryStream | undefined;
  #carry: (bytes: Uint8Array) => void = () => {};
  #held: Uint8Array[] = [];
  #paused = false;
  #finished = false;
  #ended = false;
  #endWaits = false;
  #gone = false;

  join(far: MemoryStream, carry: (bytes: Uint8Array) => void): void {
    this.#far = far;
    this.#carry = carry;
  }

  adopt(events: TrunkStreamEvents): void {
    this.#events = events;
    if (this.#gone) events.close();
  }

  write(bytes: Uint8Array): number {
    if (this.#gone || this.#finished) return -1;
    this.#carry(new Uint8Array(bytes));
    return bytes.length;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const bytes of this.#held.splice(0)) this.receive(bytes);
    if (this.#endWaits) this.receiveEnd();
  }

  shutdown(): void {
    this.finish();
  }

  finish(): void {
    if (this.#finished || this.#gone) return;
    this.#finished = true;
    queueMicrotask(() => queueMicrotask(() => this.#far?.receiveEnd()));
    if (this.#ended) this.#vanish();
  }

  flag(): void {}

  reset(code = 0): void {
    if (this.#gone) return;
    queueMicrotask(() => this.#far?.receiveReset(code));
    this.#vanish();
  }

  close(): void {
    this.reset();
  }

  receive(bytes: Uint8Array): void {
    if (this.#gone) return;
    if (this.#paused || this.#held.length > 0) {
      this.#held.push(bytes);
      return;
    }
    this.#events?.data(bytes);
  }

  receiveEnd(): void {
    if (this.#gone || this.#ended) return;
    this.#endWaits = this.#paused;
    if (this.#paused) return;
    this.#ended = true;
    this.#events?.end(new Uint8Array(0));
    if (this.#finished) this.#vanish();
  }

  receiveReset(code: number): void {
    if (this.#gone) return;
    this.#events?.reset?.(code);
    this.#vanish();
  }

  #vanish(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#events?.close();
  }
}
