// One direction of a simulated TCP connection: bytes in order, a bounded buffer, retransmission after a cut.
import type { SimPaths } from "./sim-paths.ts";
import type { SeededRandom } from "./sim-random.ts";
import type { SimTime } from "./sim-time.ts";

export type Segment =
  | { kind: "data"; bytes: Uint8Array }
  /** The sender will send no more. */
  | { kind: "end" }
  /** The far side has taken the connection. */
  | { kind: "accepted" };

export interface Wiring {
  readonly time: SimTime;
  readonly random: SeededRandom;
  readonly paths: SimPaths;
  /** Pipes that wait for a path to open. */
  readonly stuck: Set<SimPipe>;
}

export interface PipeEnds {
  /** Host names. */
  from: string;
  to: string;
  /** What both kernels together hold of bytes that were not read yet. */
  capacityBytes: number;
  arrived(segment: Segment): void;
  /** The receiver has read: there is room again. */
  acknowledged(): void;
  /** The connection is gone at the sender. */
  wasReset(): void;
}

const RETRANSMIT_FIRST_MS = 200;

export class SimPipe {
  readonly #wiring: Wiring;
  readonly #ends: PipeEnds;
  #inFlightBytes = 0;
  #lastArrivalMs = 0;
  /** Sent, and lost until the path is open again; in order. */
  #lost: Segment[] = [];
  #lostSinceMs = 0;
  #lostAckBytes = 0;
  #retrying = false;
  #severed = false;
  #hasGap = false;

  constructor(wiring: Wiring, ends: PipeEnds) {
    this.#wiring = wiring;
    this.#ends = ends;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Bytes that a write may hand over now. */
  get roomBytes(): number {
    return this.#ends.capacityBytes - this.#inFlightBytes;
  }

  /** Room enough to wake a writer, as kernels do at a third of the buffer. */
  get isRoomy(): boolean {
    return this.roomBytes * 3 >= this.#ends.capacityBytes;
  }

  send(segment: Segment): void {
    if (segment.kind === "data") this.#inFlightBytes += segment.bytes.length;
    this.#later(this.#arrivalMs(), () => this.#arrive(segment));
  }

  /** Not sent again when it is lost. */
  sendReset(): void {
    this.drop();
    this.#later(this.#arrivalMs(), () => {
      if (this.#isOpen()) this.#ends.wasReset();
    });
  }

  /** The receiver has read that much. */
  acknowledge(bytes: number): void {
    const { paths } = this.#wiring;
    const { from, to } = this.#ends;
    const delayMs = paths.delayMs(to, from);
    this.#later(this.#wiring.time.nowMs + delayMs, () => {
      if (paths.isOpen(to, from)) return this.#acknowledged(bytes);
      this.#lostAckBytes += bytes;
      this.#wiring.stuck.add(this);
    });
  }

  /** The sender sends nothing again: what is lost stays so, and what came after it can't be read. */
  drop(): void {
    if (this.#lost.length > 0) this.#hasGap = true;
    this.#lost = [];
  }

  /** An address of either end is gone: nothing passes any more, and nobody is told. */
  sever(): void {
    this.#severed = true;
  }

  /** A path has opened, perhaps this one's. */
  retry(): void {
    const { paths, stuck } = this.#wiring;
    const { from, to } = this.#ends;
    if (this.#lostAckBytes > 0 && paths.isOpen(to, from)) {
      const bytes = this.#lostAckBytes;
      this.#lostAckBytes = 0;
      this.#acknowledged(bytes);
    }
    if (this.#lost.length > 0 && !this.#retrying && this.#isOpen()) this.#retryLater();
    if (this.#lost.length === 0 && this.#lostAckBytes === 0) stuck.delete(this);
  }

  #retryLater(): void {
    this.#retrying = true;
    this.#later(this.#nextTryMs(), () => {
      this.#retrying = false;
      if (!this.#isOpen()) return;
      const segments = this.#lost;
      this.#lost = [];
      for (const segment of segments) this.#ends.arrived(segment);
      this.retry();
    });
  }

  /** Retransmissions double their distance from the first loss on. */
  #nextTryMs(): number {
    const { nowMs } = this.#wiring.time;
    let pauseMs = RETRANSMIT_FIRST_MS;
    let atMs = this.#lostSinceMs + pauseMs;
    while (atMs <= nowMs) {
      pauseMs *= 2;
      atMs += pauseMs;
    }
    return atMs;
  }

  #arrive(segment: Segment): void {
    if (this.#hasGap) return;
    if (this.#lost.length === 0 && this.#isOpen()) return this.#ends.arrived(segment);
    if (this.#lost.length === 0) this.#lostSinceMs = this.#wiring.time.nowMs;
    this.#lost.push(segment);
    this.#wiring.stuck.add(this);
  }

  #acknowledged(bytes: number): void {
    this.#inFlightBytes -= bytes;
    this.#ends.acknowledged();
  }

  #arrivalMs(): number {
    const { paths, time } = this.#wiring;
    const atMs = time.nowMs + paths.delayMs(this.#ends.from, this.#ends.to);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, atMs);
    return this.#lastArrivalMs;
  }

  #isOpen(): boolean {
    return !this.#severed && this.#wiring.paths.isOpen(this.#ends.from, this.#ends.to);
  }

  #later(atMs: number, run: () => void): void {
    this.#wiring.time.at(atMs, run);
  }
}
