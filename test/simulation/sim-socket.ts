// One end of a simulated TCP connection, with the habits of a real one that programs forget: short writes,
// reads cut at any byte, buffers that are used again, resets that lose what was not read, and silence.
import type { ByteStreamEvents, Socket } from "../../src/world/world.ts";
import { SimPipe, type Segment, type Wiring } from "./sim-pipe.ts";
import type { SimProcess } from "./sim-process.ts";

export interface SocketFacts {
  process: SimProcess;
  host: string;
  farHost: string;
  localAddress: string;
  remoteAddress: string;
  /** The exporter's bytes, where the connection has TLS. */
  binding: Uint8Array | undefined;
  capacityBytes: number;
}

/** How the connections of a process that is no more end. */
export type Death =
  /** Its kernel closes them in good order. */
  | "ended"
  /** Its kernel resets them: something had not been read. */
  | "reset"
  /** Its host lost its power: nobody is told. */
  | "silent";

/** Reads are cut in two this often. */
const CUT_CHANCE = 0.2;
/** What was lent to a callback reads so afterwards: whoever kept it sees it. */
const LENT = 0xee;

export class SimSocket implements Socket {
  readonly facts: SocketFacts;
  readonly #wiring: Wiring;
  readonly #closed: (socket: SimSocket) => void;
  #far: SimSocket | undefined;
  #out: SimPipe | undefined;
  #events: ByteStreamEvents | undefined;
  #accepted: (() => void) | undefined;
  readonly #arrived: Segment[] = [];
  #state: "open" | "closed" = "open";
  #pumping = false;
  #paused = false;
  #short = false;
  #shut = false;
  #endTold = false;

  constructor(wiring: Wiring, facts: SocketFacts, closed: (socket: SimSocket) => void) {
    this.#wiring = wiring;
    this.facts = facts;
    this.#closed = closed;
  }

  join(far: SimSocket): void {
    this.#far = far;
    this.#out = new SimPipe(this.#wiring, {
      from: this.facts.host,
      to: this.facts.farHost,
      capacityBytes: this.facts.capacityBytes,
      arrived: (segment) => far.#arrive(segment),
      acknowledged: () => this.#roomAgain(),
      wasReset: () => far.#break("ECONNRESET", "the far side reset the connection"),
    });
  }

  get remoteAddress(): string {
    return this.facts.remoteAddress;
  }

  get localAddress(): string {
    return this.facts.localAddress;
  }

  get tls(): boolean {
    return this.facts.binding !== undefined;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Bytes under way that the far program has not read. */
  get unreadBytes(): number {
    return this.#out?.inFlightBytes ?? 0;
  }

  channelBinding(): Uint8Array {
    return this.facts.binding ?? new Uint8Array(0);
  }

  /** Who is told; called once by the side that listens. */
  begin(events: ByteStreamEvents): void {
    this.#events = events;
    this.#pump();
  }

  /** On the side that connects: called when the far side has taken the connection. */
  onAccepted(run: () => void): void {
    this.#accepted = run;
  }

  sendAccepted(): void {
    this.#out?.send({ kind: "accepted" });
  }

  write(bytes: Uint8Array): number {
    const out = this.#out;
    if (this.#state === "closed" || this.#shut || out === undefined || !this.facts.process.isAlive) return -1;
    const taken = Math.min(bytes.length, Math.max(0, out.roomBytes));
    if (taken < bytes.length) this.#short = true;
    // Not `slice`: of a Buffer it is a view, and the caller may use its bytes again.
    if (taken > 0) this.#sendInPieces(out, new Uint8Array(bytes.subarray(0, taken)));
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#soon(() => this.#pump());
  }

  shutdown(): void {
    if (this.#state === "closed" || this.#shut) return;
    this.#shut = true;
    this.#out?.send({ kind: "end" });
    if (this.#endTold) this.#soon(() => this.#closeWith(undefined));
  }

  finish(): void {
    if (this.#state === "closed") return;
    if (!this.#shut) this.#out?.send({ kind: "end" });
    this.#leave();
    this.#soon(() => this.#tellClose(undefined));
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#out?.sendReset();
    this.#leave();
    this.#soon(() => this.#tellClose(undefined));
  }

  /** Its process is no more. */
  die(death: Death): void {
    if (this.#state === "closed") return;
    if (death === "reset") this.#out?.sendReset();
    else if (death === "silent") this.#out?.drop();
    else if (!this.#shut) this.#out?.send({ kind: "end" });
    this.#leave();
    this.#events = undefined;
  }

  /** Something on the way resets the connection: both ends are told. */
  breakOff(): void {
    this.#out?.sendReset();
    this.#break("ECONNRESET", "the connection was reset on the way");
  }

  /** Its host has another address now. */
  sever(): void {
    this.#out?.sever();
    this.#far?.severOwn();
  }

  /** Half of `sever`, for the far end to call. */
  severOwn(): void {
    this.#out?.sever();
  }

  /** The far program has read that much of what was sent here. */
  acknowledge(bytes: number): void {
    this.#out?.acknowledge(bytes);
  }

  #sendInPieces(out: SimPipe, bytes: Uint8Array): void {
    const { random } = this.#wiring;
    const cutAt = bytes.length > 1 && random.chance(CUT_CHANCE) ? random.whole(1, bytes.length - 1) : 0;
    if (cutAt > 0) out.send({ kind: "data", bytes: bytes.subarray(0, cutAt) });
    out.send({ kind: "data", bytes: bytes.subarray(cutAt) });
  }

  #arrive(segment: Segment): void {
    if (segment.kind === "accepted") {
      const run = this.#accepted;
      this.#accepted = undefined;
      if (this.#state === "closed") return this.#out?.sendReset();
      if (run !== undefined) this.facts.process.whenRunning(run);
      return;
    }
    if (this.#state === "closed") {
      // Nobody is there any more. An end of its own is answered with nothing.
      if (segment.kind === "data") this.#out?.sendReset();
      return;
    }
    this.#arrived.push(segment);
    this.facts.process.whenRunning(() => this.#pump());
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#state === "open" && !this.#paused && this.#events !== undefined) {
      const segment = this.#arrived.shift();
      if (segment === undefined) break;
      if (segment.kind === "data") this.#hand(this.#events, segment.bytes);
      else if (segment.kind === "end") this.#tellEnd(this.#events);
    }
    this.#pumping = false;
  }

  #hand(events: ByteStreamEvents, bytes: Uint8Array): void {
    const { random } = this.#wiring;
    const cutAt =
      bytes.length > 1 && random.chance(CUT_CHANCE) ? random.whole(1, bytes.length - 1) : bytes.length;
    if (cutAt < bytes.length) this.#arrived.unshift({ kind: "data", bytes: bytes.subarray(cutAt) });
    const lent = bytes.slice(0, cutAt);
    this.#wiring.time.mix(lent);
    this.#call(() => events.data(lent));
    lent.fill(LENT);
    this.#far?.acknowledge(cutAt);
  }

  #tellEnd(events: ByteStreamEvents): void {
    this.#endTold = true;
    this.#call(() => events.end());
    if (this.#shut) this.#closeWith(undefined);
  }

  #roomAgain(): void {
    if (!this.#short || this.#state === "closed" || this.#out?.isRoomy !== true) return;
    this.#short = false;
    this.facts.process.whenRunning(() => {
      if (this.#state === "open" && !this.#shut) this.#call(() => this.#events?.drain());
    });
  }

  #break(code: string, message: string): void {
    if (this.#state === "closed") return;
    this.facts.process.whenRunning(() => this.#closeWith(Object.assign(new Error(message), { code })));
  }

  #closeWith(error: Error | undefined): void {
    if (this.#state === "closed") return;
    this.#leave();
    this.#tellClose(error);
  }

  #leave(): void {
    this.#state = "closed";
    this.#arrived.length = 0;
    this.#closed(this);
  }

  #tellClose(error: Error | undefined): void {
    const events = this.#events;
    this.#events = undefined;
    this.#call(() => events?.close(error));
  }

  #soon(run: () => void): void {
    this.facts.process.timers.soon(run);
  }

  /** What throws here would be uncaught in a real process. */
  #call(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#wiring.time.fault(error);
    }
  }
}
