// For tests alone: two trunks joined by a connection in memory, and one trunk that faces hand-made frames.

import type { CloseCode, TrunkClosed } from "./closing.ts";
import { encodeFrame, FrameDecoder, NO_BYTES } from "./frame.ts";
import type { FrameType } from "./frame.ts";
import type { Wire } from "./outbox.ts";
import type { TrunkRole } from "./stream-ids.ts";
import type { TrunkStream, TrunkStreamEvents } from "./stream.ts";
import { FakeTime, pipe } from "./testing.ts";
import type { PipeEnd, PipeOptions } from "./testing.ts";
import { Trunk } from "./trunk.ts";
import type { TrunkEvents } from "./trunk.ts";

const utf8 = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return utf8.encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Everything a stream told its owner, in order. Data is joined. */
export class StreamLog implements TrunkStreamEvents {
  readonly told: string[] = [];
  readonly received: number[] = [];
  drains = 0;
  /** Called with each event's name, after it was noted. */
  onEvent: (event: string) => void = () => undefined;

  data(bytes: Uint8Array): void {
    for (const byte of bytes) this.received.push(byte);
    this.onEvent("data");
  }

  drain(): void {
    this.drains += 1;
    this.onEvent("drain");
  }

  end(payload: Uint8Array = NO_BYTES): void {
    this.#note(`end ${textOf(payload)}`.trim());
  }

  flag(payload: Uint8Array): void {
    this.#note(`flag ${textOf(payload)}`);
  }

  reset(code: number): void {
    this.#note(`reset ${code}`);
  }

  close(error?: Error): void {
    this.#note(error === undefined ? "close" : "close with error");
  }

  get text(): string {
    return textOf(Uint8Array.from(this.received));
  }

  #note(event: string): void {
    this.told.push(event);
    this.onEvent(event);
  }
}

/** Everything a trunk told its owner, and the streams that the far side opened. */
export class TrunkLog implements TrunkEvents {
  readonly told: string[] = [];
  readonly failures: unknown[] = [];
  readonly streams: { stream: TrunkStream; log: StreamLog; payload: string }[] = [];
  endedBy: TrunkClosed | undefined;
  /** Who is told of a stream that the far side opened; by default its log alone. */
  accept: (stream: TrunkStream, log: StreamLog) => TrunkStreamEvents = (_stream, log) => log;

  opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents {
    const log = new StreamLog();
    this.streams.push({ stream, log, payload: textOf(payload) });
    return this.accept(stream, log);
  }

  message(bytes: Uint8Array): void {
    this.told.push(`message ${bytes.length > 40 ? `of ${bytes.length}` : textOf(bytes)}`);
  }

  goaway(reason: string): void {
    this.told.push(`goaway ${reason}`);
  }

  closed(closed: TrunkClosed): void {
    this.endedBy = closed;
    this.told.push(`closed ${closed.code}`);
  }

  emptied(): void {
    this.told.push("emptied");
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }

  get code(): CloseCode | undefined {
    return this.endedBy?.code;
  }
}

export interface TrunkSide {
  trunk: Trunk;
  log: TrunkLog;
  pipe: PipeEnd;
}

export interface TrunkPair {
  time: FakeTime;
  hub: TrunkSide;
  agent: TrunkSide;
}

export function joinTrunks(options: PipeOptions = {}): TrunkPair {
  const time = new FakeTime();
  const [hubPipe, agentPipe] = pipe(time, options);
  const pair = { time, hub: makeSide("hub", time, hubPipe), agent: makeSide("agent", time, agentPipe) };
  time.advance(4 * (options.latencyMs ?? 0));
  return pair;
}

function makeSide(role: TrunkRole, time: FakeTime, end: PipeEnd): TrunkSide {
  const log = new TrunkLog();
  const trunk = new Trunk({ role, stream: end, timers: time, clock: time, events: log });
  end.events = trunk.wire;
  return { trunk, log, pipe: end };
}

export function openStream(side: { trunk: Trunk }, payload = ""): { stream: TrunkStream; log: StreamLog } {
  const log = new StreamLog();
  const stream = side.trunk.open(bytesOf(payload), log);
  if (typeof stream === "string") throw new Error(`refused: ${stream}`);
  return { stream, log };
}

/** A stream that the hub opened, as both ends see it. */
export function openedPair(pair: TrunkPair) {
  const near = openStream(pair.hub);
  pair.time.advance(1_000);
  const far = pair.agent.log.streams.at(-1);
  if (far === undefined) throw new Error("the stream did not arrive");
  return { near, far };
}

export interface SentFrame {
  type: FrameType | "data";
  stream: number;
  payload: Uint8Array;
}

/** A hub's trunk; the test plays its far side frame by frame. */
export class LoneTrunk implements Wire {
  readonly time = new FakeTime();
  readonly log = new TrunkLog();
  readonly trunk: Trunk;
  readonly sent: SentFrame[] = [];
  shut = false;
  dropped = false;
  /** What the connection still takes. */
  roomBytes = Number.POSITIVE_INFINITY;
  readonly #decoder = new FrameDecoder({
    data: (stream, bytes) => void this.sent.push({ type: "data", stream, payload: new Uint8Array(bytes) }),
    control: (type, stream, payload) =>
      void this.sent.push({ type, stream, payload: new Uint8Array(payload) }),
    broken: (message) => {
      throw new Error(message);
    },
  });

  constructor(role: TrunkRole = "hub") {
    this.trunk = new Trunk({ role, stream: this, timers: this.time, clock: this.time, events: this.log });
    this.time.settle();
    this.sent.length = 0;
  }

  write(bytes: Uint8Array): number {
    if (this.shut || this.dropped) return -1;
    const taken = Math.min(bytes.length, this.roomBytes);
    this.roomBytes -= taken;
    this.#decoder.push(bytes.subarray(0, taken));
    return taken;
  }

  shutdown(): void {
    this.shut = true;
  }

  close(): void {
    this.dropped = true;
  }

  receive(type: number, stream: number, payload: Uint8Array = NO_BYTES): void {
    this.trunk.wire.data(encodeFrame(type, stream, payload));
    this.time.settle();
  }

  sentTypes(): (FrameType | "data")[] {
    return this.sent.map((frame) => frame.type);
  }
}
