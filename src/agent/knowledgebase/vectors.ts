// A vector as it is kept: a byte for each number, and before them how long it is. Against 32 bits for each that is a
// quarter of the disk and of the reading, for a cosine that is off by less than 0.01.

const HEAD_BYTES = 4;
const BYTE_MAX = 127;

/** Undefined for what has no direction: nothing but zeros, or what is no number. */
export function packVector(values: readonly number[]): Uint8Array | undefined {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (!(largest > 0) || !Number.isFinite(largest)) return undefined; // NaN is neither
  const packed = new Uint8Array(HEAD_BYTES + values.length);
  const bytes = new Int8Array(packed.buffer, HEAD_BYTES);
  let squares = 0;
  for (const [at, value] of values.entries()) {
    const byte = Math.round((value / largest) * BYTE_MAX);
    bytes[at] = byte;
    squares += byte * byte;
  }
  new DataView(packed.buffer).setFloat32(0, 1 / Math.sqrt(squares), true);
  return packed;
}

export function dimensionsOf(packed: Uint8Array): number {
  return packed.length - HEAD_BYTES;
}

/** The same direction, with the length 1. */
export function unitVector(packed: Uint8Array): Float32Array {
  return Float32Array.from(bytesOf(packed), (byte) => byte * scaleOf(packed));
}

/** Cosine of both, which have as many numbers. */
export function cosine(unit: Float32Array, packed: Uint8Array): number {
  const bytes = bytesOf(packed);
  let sum = 0;
  // Tens of thousands of these make a search: an index is the fastest that there is, and never out of bounds here.
  for (let at = 0; at < bytes.length; at += 1) sum += (unit[at] as number) * (bytes[at] as number);
  return sum * scaleOf(packed);
}

function bytesOf(packed: Uint8Array): Int8Array {
  return new Int8Array(packed.buffer, packed.byteOffset + HEAD_BYTES, packed.length - HEAD_BYTES);
}

function scaleOf(packed: Uint8Array): number {
  return new DataView(packed.buffer, packed.byteOffset, HEAD_BYTES).getFloat32(0, true);
}
