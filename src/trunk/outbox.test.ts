import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { encodeFrame, FRAME } from "./frame.ts";
import { CONTROL_MAX_BYTES, Outbox } from "./outbox.ts";

/** A connection that takes at most `room` bytes. */
function makeWire(room: number) {
  const wire = {
    room,
    taken: [] as Uint8Array[],
    write(bytes: Uint8Array): number {
      const length = Math.min(bytes.length, wire.room);
      wire.room -= length;
      wire.taken.push(bytes.slice(0, length));
      return length;
    },
    shutdown() {},
    close() {},
  };
  return wire;
}

test("frames leave in order and whole, whatever the connection takes at a time", () => {
  const frame = fc.record({
    type: fc.constantFrom(FRAME.data, FRAME.message, FRAME.window),
    length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 65_536 })),
    room: fc.oneof(fc.nat(200), fc.nat(200_000)),
    flush: fc.boolean(),
  });
  const property = fc.property(fc.array(frame, { maxLength: 30 }), (frames) => {
    const wire = makeWire(0);
    const outbox = new Outbox(wire);
    const expected: Uint8Array[] = [];
    for (const [index, { type, length, room, flush }] of frames.entries()) {
      wire.room = room;
      const payload = new Uint8Array(length).fill(index);
      if (type === FRAME.data) {
        const taken = outbox.data(1, payload, length);
        expect(taken === 0 || taken === length).toBe(true);
        if (taken > 0) expected.push(encodeFrame(type, 1, payload));
      } else {
        outbox.control(type, 1, payload);
        expected.push(encodeFrame(type, 1, payload));
      }
      if (flush) outbox.flush();
    }
    wire.room = Number.POSITIVE_INFINITY;
    outbox.flush();
    expect(Buffer.concat(wire.taken).equals(Buffer.concat(expected))).toBe(true);
    expect([outbox.queuedBytes, outbox.holdsBuffer, outbox.blocked]).toEqual([0, false, false]);
  });
  fc.assert(property, { seed: 6, numRuns: 200 });
});

test("no frame spans two writes of a connection that takes them whole", () => {
  const wire = makeWire(Number.POSITIVE_INFINITY);
  const outbox = new Outbox(wire);
  for (const length of [10, 2_000, 60_000, 65_536, 3, 65_536, 65_536]) {
    outbox.control(FRAME.message, 0, new Uint8Array(length));
  }
  outbox.data(1, new Uint8Array(300_000), 300_000);
  outbox.flush();
  for (const bytes of wire.taken) {
    let at = 0;
    while (at < bytes.length) at += 8 + (new DataView(bytes.buffer).getUint32(at + 4) & 0xff_ff_ff);
    expect(at).toBe(bytes.length);
  }
});

test("batches use the same memory again", () => {
  const memory = new Set<ArrayBufferLike>();
  const wire = {
    write(bytes: Uint8Array): number {
      memory.add(bytes.buffer);
      return bytes.length;
    },
    shutdown() {},
    close() {},
  };
  for (let count = 0; count < 50; count += 1) {
    const outbox = new Outbox(wire);
    outbox.data(1, new Uint8Array(200), 200);
    outbox.flush();
    outbox.data(1, new Uint8Array(100_000), 100_000);
    outbox.flush();
  }
  expect(memory.size).toBe(2);
});

test("a batch lies in the least memory that holds it, as it grows too", () => {
  const memory: number[] = [];
  const wire = {
    write: (bytes: Uint8Array): number => (memory.push(bytes.buffer.byteLength), bytes.length),
    shutdown() {},
    close() {},
  };
  const outbox = new Outbox(wire);
  for (const lengths of [[8], [1_000, 8], [2_000], [9_000], [1_000, 6_000], [1_000, 6_000, 60_000]]) {
    for (const length of lengths) outbox.control(FRAME.message, 0, new Uint8Array(length));
    outbox.flush();
  }
  const [small, medium, large] = [1024, 8 * 1024, 128 * 1024];
  expect(memory).toEqual([small, small, medium, large, medium, large]);
});

test("data is refused while the connection is slow, control frames are not", () => {
  const wire = makeWire(10);
  const outbox = new Outbox(wire);
  outbox.data(1, new Uint8Array(100), 100);
  outbox.flush();
  expect(outbox.blocked).toBe(true);
  expect(outbox.data(1, new Uint8Array(100), 100)).toBe(0);
  outbox.control(FRAME.ping, 0, new Uint8Array(8));
  expect(outbox.queuedBytes).toBe(98 + 16);
});

test("control frames beyond the bound are the end of it", () => {
  const wire = makeWire(0);
  const outbox = new Outbox(wire);
  for (let count = 0; count < 100; count += 1) outbox.control(FRAME.message, 0, new Uint8Array(65_536));
  expect(outbox.failure).toBe("the far side does not read");
  expect(outbox.queuedBytes).toBeLessThanOrEqual(CONTROL_MAX_BYTES);
  outbox.discard();
  expect([outbox.queuedBytes, outbox.holdsBuffer]).toEqual([0, false]);
});

test("a closed connection is a failure, not an error thrown", () => {
  const outbox = new Outbox({ write: () => -1, shutdown() {}, close() {} });
  outbox.control(FRAME.ping, 0, new Uint8Array(8));
  outbox.flush();
  expect(outbox.failure).toBe("the connection is closed");
  expect(outbox.data(1, new Uint8Array(5), 5)).toBe(0);
});
