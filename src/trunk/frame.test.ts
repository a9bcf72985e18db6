import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { DATA_MAX_BYTES, FIN_MAX_BYTES, OPEN_MAX_BYTES } from "../protocol/limits.ts";
import { encodeFrame, FRAME, FrameDecoder, GOAWAY_MAX_BYTES, writeHeader } from "./frame.ts";

interface Heard {
  frames: { type: number; stream: number; payload: number[] }[];
  broken: string[];
}

/** Decodes pieces; consecutive data of one stream is joined. */
function decode(pieces: Uint8Array[]): Heard {
  const heard: Heard = { frames: [], broken: [] };
  const decoder = new FrameDecoder({
    data(stream, bytes) {
      const last = heard.frames.at(-1);
      if (last?.type === FRAME.data && last.stream === stream) last.payload.push(...bytes);
      else heard.frames.push({ type: FRAME.data, stream, payload: [...bytes] });
    },
    control: (type, stream, payload) => void heard.frames.push({ type, stream, payload: [...payload] }),
    broken: (message) => void heard.broken.push(message),
  });
  for (const piece of pieces) decoder.push(piece);
  return heard;
}

function header(type: number, stream: number, length: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeHeader(bytes, 0, { type, stream, length });
  return bytes;
}

function join(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const anyStream = fc.integer({ min: 1, max: 0xffff_ffff });
const anyFrame = fc.oneof(
  fc.record({
    type: fc.constantFrom(FRAME.open, FRAME.flag, FRAME.finish),
    stream: anyStream,
    payload: fc.uint8Array({ maxLength: 40 }),
  }),
  fc.record({
    type: fc.constant(FRAME.data),
    stream: anyStream,
    payload: fc.uint8Array({ minLength: 1, maxLength: 60 }),
  }),
  fc.record({
    type: fc.constant(FRAME.window),
    stream: anyStream,
    payload: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant(FRAME.reset),
    stream: anyStream,
    payload: fc.uint8Array({ minLength: 2, maxLength: 2 }),
  }),
  fc.record({
    type: fc.constantFrom(FRAME.ping, FRAME.pong),
    stream: fc.constant(0),
    payload: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  }),
  fc.record({
    type: fc.constant(FRAME.message),
    stream: fc.constantFrom(0, 1),
    payload: fc.uint8Array({ maxLength: 40 }),
  }),
);

describe("decoding", () => {
  test("gives back the frames that were encoded, whatever the cuts", () => {
    const property = fc.property(
      fc.array(anyFrame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 }),
      (frames, cuts) => {
        const whole = join(frames.map(({ type, stream, payload }) => encodeFrame(type, stream, payload)));
        const pieces: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < whole.length; turn += 1) {
          const length = cuts[turn % cuts.length] ?? 1;
          pieces.push(whole.subarray(at, at + length));
          at += length;
        }
        const heard = decode(pieces);
        expect(heard.broken).toEqual([]);
        expect(heard).toEqual(
          decode(frames.map((frame) => encodeFrame(frame.type, frame.stream, frame.payload))),
        );
      },
    );
    fc.assert(property, { seed: 1, numRuns: 300 });
  });

  test("survives a cut at every byte of one frame of each kind", () => {
    const whole = join([
      encodeFrame(FRAME.open, 0xffff_fffe, new Uint8Array([1, 2, 3])),
      encodeFrame(FRAME.data, 7, new Uint8Array([4, 5, 6])),
      encodeFrame(FRAME.finish, 7, new Uint8Array(0)),
      encodeFrame(FRAME.window, 7, new Uint8Array([0, 1, 0, 0])),
      encodeFrame(FRAME.message, 1, new Uint8Array([7])),
    ]);
    const expected = decode([whole]);
    expect(expected.frames.map((frame) => frame.type)).toEqual([1, 2, 5, 3, 9]);
    for (let cut = 1; cut < whole.length; cut += 1) {
      expect(decode([whole.subarray(0, cut), whole.subarray(cut)])).toEqual(expected);
    }
    expect(decode([...whole].map((byte) => new Uint8Array([byte])))).toEqual(expected);
  });

  test("hands on data before its frame is complete", () => {
    const heard = decode([header(FRAME.data, 3, 1000), new Uint8Array(10)]);
    expect(heard.frames).toEqual([{ type: FRAME.data, stream: 3, payload: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }]);
  });

  test("hands on nothing after it was stopped, not even the rest of the same bytes", () => {
    const types: number[] = [];
    const decoder = new FrameDecoder({
      data: () => undefined,
      control(type) {
        types.push(type);
        decoder.stop();
      },
      broken: () => undefined,
    });
    const frame = encodeFrame(FRAME.flag, 1, new Uint8Array(3));
    decoder.push(join([frame, frame]));
    decoder.push(frame);
    expect(types).toEqual([FRAME.flag]);
  });
});

describe("refusing", () => {
  const cases: [name: string, bytes: Uint8Array][] = [
    ["type 0", header(0, 1, 0)],
    ["an unknown type", header(11, 1, 0)],
    ["type 255", header(255, 1, 0)],
    ["DATA above its bound", header(FRAME.data, 1, DATA_MAX_BYTES + 1)],
    ["empty DATA", header(FRAME.data, 1, 0)],
    ["OPEN above its bound", header(FRAME.open, 1, OPEN_MAX_BYTES + 1)],
    ["FIN above its bound", header(FRAME.finish, 1, FIN_MAX_BYTES + 1)],
    ["MSG above its bound", header(FRAME.message, 0, DATA_MAX_BYTES + 1)],
    ["GOAWAY above its bound", header(FRAME.goaway, 0, GOAWAY_MAX_BYTES + 1)],
    ["a length of 24 bits", header(FRAME.open, 1, 0xff_ff_ff)],
    ["WIN of 3 bytes", header(FRAME.window, 1, 3)],
    ["RST without a code", header(FRAME.reset, 1, 0)],
    ["PING of 7 bytes", header(FRAME.ping, 0, 7)],
    ["DATA on stream 0", header(FRAME.data, 0, 1)],
    ["OPEN on stream 0", header(FRAME.open, 0, 1)],
    ["PING on a stream", header(FRAME.ping, 1, 8)],
    ["GOAWAY on a stream", header(FRAME.goaway, 1, 0)],
    ["MSG on stream 2", header(FRAME.message, 2, 1)],
  ];
  for (const [name, bytes] of cases) {
    test(`${name} is told once as broken, before its payload comes`, () => {
      const after = encodeFrame(FRAME.flag, 1, new Uint8Array(1));
      const heard = decode([join([bytes, after]), after]);
      expect(heard.broken).toHaveLength(1);
      expect(heard.frames).toEqual([]);
    });
  }

  test("random bytes never throw", () => {
    const property = fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (pieces) => {
      expect(decode(pieces).broken.length).toBeLessThan(2);
    });
    fc.assert(property, { seed: 2, numRuns: 300 });
  });
});
