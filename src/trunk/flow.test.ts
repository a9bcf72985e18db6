// Credit, fairness and memory, over a connection in memory that is slow, small, and cut at odd places.

import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { FIRST_CREDIT_BYTES, WINDOW_MAX_BYTES } from "../protocol/limits.ts";
import type { ByteStream } from "../world/world.ts";
import { StreamEnd } from "./stream.ts";
import type { TrunkStream, TrunkStreamEvents } from "./stream.ts";
import { joinTrunks } from "./testing-trunks.ts";
import type { TrunkPair } from "./testing-trunks.ts";

/** Writes numbered bytes and keeps what was not taken. */
class Writer {
  offered = 0;
  taken = 0;
  #finishing = false;
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  write(length: number): void {
    this.offered += length;
    this.go();
  }

  finish(): void {
    this.#finishing = true;
    this.go();
  }

  go(): void {
    while (this.taken < this.offered) {
      const length = Math.min(this.offered - this.taken, 100_000);
      const bytes = Uint8Array.from({ length }, (_, index) => numbered(this.taken + index));
      const taken = this.#stream.write(bytes);
      bytes.fill(0);
      if (taken < 0) return;
      this.taken += taken;
      if (taken < length) return;
    }
    if (this.#finishing) this.#stream.shutdown();
  }
}

function numbered(position: number): number {
  return (position * 7 + (position >> 8)) & 0xff;
}

/** Checks that what comes is numbered without a gap. */
class Reader implements TrunkStreamEvents {
  count = 0;
  wrong = 0;
  ended = false;
  closed = false;
  drained: () => void = () => undefined;
  got: () => void = () => undefined;

  data(bytes: Uint8Array): void {
    if (this.ended || this.closed) this.wrong += 1;
    for (const byte of bytes) {
      if (byte !== numbered(this.count)) this.wrong += 1;
      this.count += 1;
    }
    this.got();
  }

  drain(): void {
    this.drained();
  }

  end(): void {
    this.ended = true;
  }

  close(): void {
    this.closed = true;
  }
}

interface Side {
  stream: TrunkStream;
  reader: Reader;
  writer: Writer;
}

function makeSide(stream: TrunkStream, reader: Reader): Side {
  const writer = new Writer(stream);
  reader.drained = () => writer.go();
  return { stream, reader, writer };
}

function openSides(pair: TrunkPair): [Side, Side] {
  const farSide: { made?: Side } = {};
  pair.agent.log.accept = (stream) => {
    farSide.made = makeSide(stream, new Reader());
    return farSide.made.reader;
  };
  const reader = new Reader();
  const stream = pair.hub.trunk.open(new Uint8Array(1), reader);
  if (typeof stream === "string") throw new Error(stream);
  pair.time.advance(1_000);
  if (farSide.made === undefined) throw new Error("the stream did not arrive");
  return [makeSide(stream, reader), farSide.made];
}

function waitingBytes(stream: TrunkStream): number {
  return stream instanceof StreamEnd ? stream.waitingBytes : 0;
}

describe("bytes", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("write" as const), side: fc.nat(5), amount: fc.nat(150_000) }),
    fc.record({ do: fc.constant("pause" as const), side: fc.nat(5), amount: fc.constant(0) }),
    fc.record({ do: fc.constant("resume" as const), side: fc.nat(5), amount: fc.constant(0) }),
    fc.record({ do: fc.constant("pass" as const), side: fc.constant(0), amount: fc.nat(40) }),
    fc.record({ do: fc.constant("close" as const), side: fc.nat(23), amount: fc.constant(0) }),
  );

  test("arrive whole and in order whatever is written, paused, resumed and closed", () => {
    const property = fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1_000, max: 300_000 }),
      fc.integer({ min: 50, max: 70_000 }),
      (steps, latencyMs, capacityBytes, cutBytes) => {
        const pair = joinTrunks({ latencyMs, capacityBytes, cut: () => cutBytes });
        const sides = [...openSides(pair), ...openSides(pair), ...openSides(pair)];
        for (const { do: what, side: index, amount } of steps) {
          if (what === "pass") pair.time.advance(amount);
          const side = sides[index];
          if (side === undefined) continue;
          if (what === "write") side.writer.write(amount);
          else if (what === "pause") side.stream.pause();
          else if (what === "resume") side.stream.resume();
          else if (what === "close") side.stream.close();
          for (const each of sides) expect(waitingBytes(each.stream)).toBeLessThanOrEqual(WINDOW_MAX_BYTES);
        }
        for (const side of sides) side.stream.resume();
        for (const side of sides) side.writer.finish();
        pair.time.advance(60_000);
        expect([pair.hub.log.code, pair.agent.log.code]).toEqual([undefined, undefined]);
        expect([pair.hub.trunk.streamCount, pair.agent.trunk.streamCount]).toEqual([0, 0]);
        for (const [index, side] of sides.entries()) {
          const far = sides[index ^ 1];
          expect(side.reader.wrong).toBe(0);
          expect(side.reader.closed).toBe(true);
          // An end is told only when all that was written has come.
          if (side.reader.ended) expect(side.reader.count).toBe(far?.writer.offered ?? -1);
          else expect(side.reader.count).toBeLessThanOrEqual(far?.writer.taken ?? -1);
        }
      },
    );
    fc.assert(property, { seed: 5, numRuns: 60 });
  });

  test("of a reader that pauses after every piece all arrive", () => {
    const pair = joinTrunks({ cut: () => 9_000 });
    const [near, far] = openSides(pair);
    near.reader.got = () => {
      near.stream.pause();
      pair.time.after(3, () => near.stream.resume());
    };
    far.writer.write(1_000_000);
    far.writer.finish();
    pair.time.advance(3_000);
    expect(near.reader).toMatchObject({ count: 1_000_000, wrong: 0, ended: true });
  });

  test("that are paused and resumed within one call go on and give their credit back", () => {
    const pair = joinTrunks();
    const [near, far] = openSides(pair);
    near.reader.got = () => {
      near.stream.pause();
      near.stream.resume();
    };
    far.writer.write(500_000);
    pair.time.advance(100);
    expect(near.reader).toMatchObject({ count: 500_000, wrong: 0 });
  });
});

describe("a stalled reader", () => {
  test("is sent its first credit and not a byte more", () => {
    const pair = joinTrunks();
    const [near, far] = openSides(pair);
    near.stream.pause();
    far.writer.write(1_000_000);
    pair.time.advance(1_000);
    expect(far.writer.taken).toBe(FIRST_CREDIT_BYTES);
    expect(waitingBytes(near.stream)).toBe(FIRST_CREDIT_BYTES);
  });

  test("that took a piece and paused gives no credit back before it resumes", () => {
    const pair = joinTrunks({ cut: () => 40_000 });
    const [near, far] = openSides(pair);
    near.reader.got = () => near.stream.pause();
    far.writer.write(1_000_000);
    pair.time.advance(1_000);
    expect(far.writer.taken).toBe(FIRST_CREDIT_BYTES);
    near.reader.got = () => undefined;
    near.stream.resume();
    pair.time.advance(1_000);
    expect(near.reader).toMatchObject({ count: 1_000_000, wrong: 0 });
  });

  test("holds up none of the others", () => {
    const pair = joinTrunks({ latencyMs: 1 });
    for (let count = 0; count < 100; count += 1) {
      const [near, far] = openSides(pair);
      near.stream.pause();
      far.writer.write(10_000_000);
    }
    const [near, far] = openSides(pair);
    far.writer.write(5_000_000);
    pair.time.advance(1_000);
    expect(near.reader).toMatchObject({ count: 5_000_000, wrong: 0 });
  });
});

describe("a slow connection", () => {
  test("wakes the streams that wait in the order in which they began to", () => {
    const pair = joinTrunks({ capacityBytes: 1_000 });
    const order: number[] = [];
    const sides = Array.from({ length: 5 }, () => openSides(pair));
    pair.agent.pipe.stalled = true;
    for (const [index, [near]] of sides.entries()) {
      near.reader.drained = () => void order.push(index);
      near.stream.write(new Uint8Array(70_000));
    }
    pair.time.advance(100);
    expect(order).toEqual([]);
    for (const [near] of sides) expect(near.stream.write(new Uint8Array(1))).toBe(0);
    pair.agent.pipe.unstall();
    pair.time.advance(100);
    // The first had used up its credit: it waits for that, behind those that only wait for room.
    expect(order).toEqual([1, 2, 3, 4, 0]);
  });

  test("is shared evenly: no stream gets more than its turn ahead of the others", () => {
    const pair = joinTrunks({ capacityBytes: 100_000, latencyMs: 1, cut: () => 30_000 });
    const sides = Array.from({ length: 8 }, () => openSides(pair));
    for (const [near] of sides) near.writer.write(20_000_000);
    pair.time.advance(100);
    const counts = sides.map(([, far]) => far.reader.count);
    const least = Math.min(...counts);
    expect(least).toBeGreaterThan(300_000);
    expect(Math.max(...counts) - least).toBeLessThanOrEqual(2 * FIRST_CREDIT_BYTES);
  });

  test("lets a small request through between the turns of bulk ones", () => {
    const pair = joinTrunks({ capacityBytes: 100_000, latencyMs: 1 });
    const bulk = Array.from({ length: 4 }, () => openSides(pair));
    const [near, far] = openSides(pair);
    for (const [side] of bulk) side.writer.write(20_000_000);
    pair.time.advance(20);
    near.writer.write(200);
    pair.time.advance(10);
    expect(far.reader.count).toBe(200);
    for (const [, side] of bulk) expect(side.reader.count).toBeLessThan(10_000_000);
  });
});

test("one stream fills a path with a long round trip", () => {
  const pair = joinTrunks({ latencyMs: 25 });
  const totalBytes = 64 * 1024 * 1024;
  const chunk = new Uint8Array(256 * 1024);
  const startMs = pair.time.monotonic();
  let received = 0;
  let doneMs = Number.POSITIVE_INFINITY;
  pair.agent.log.accept = () => ({
    data(bytes) {
      received += bytes.length;
      if (received === totalBytes) doneMs = pair.time.monotonic();
    },
    drain() {},
    end() {},
    close() {},
  });
  const source = new Reader();
  const stream = pair.hub.trunk.open(new Uint8Array(0), source);
  if (typeof stream === "string") throw new Error(stream);
  let left = totalBytes;
  source.drained = () => {
    for (let taken = chunk.length; left > 0 && taken === chunk.length; left -= taken) {
      taken = stream.write(chunk.subarray(0, Math.min(left, chunk.length)));
    }
  };
  source.drained();
  pair.time.advance(5_000);
  // 8 MiB a round trip is 168 MB/s; the ramp from 64 KiB is seven doublings.
  expect(doneMs - startMs).toBeLessThan(1_000);
});

test("an idle trunk holds no memory for sending", () => {
  const pair = joinTrunks();
  const [near, far] = openSides(pair);
  expect(pair.hub.trunk.holdsBuffer).toBe(false);
  near.writer.write(10_000_000);
  expect(pair.hub.trunk.holdsBuffer).toBe(false);
  near.writer.write(10);
  pair.time.advance(10_000);
  expect(far.reader.count).toBe(10_000_010);
  expect(pair.hub.trunk.holdsBuffer).toBe(false);
  expect(pair.hub.trunk.queuedBytes).toBe(0);
});

test("what all streams send in one loop turn leaves in one write", () => {
  const pair = joinTrunks();
  const sides = Array.from({ length: 20 }, () => openSides(pair));
  const before = pair.hub.pipe.writes;
  for (const [near] of sides) near.writer.write(200);
  pair.time.settle();
  expect(pair.hub.pipe.writes - before).toBe(1);
});
