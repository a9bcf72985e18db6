// What a slow reader has yet to take, when the bytes are ours already.

/**
 * The rest after `taken` bytes of `kept`: a view, so that a reader who takes it in small pieces does not have
 * it copied as often; a copy once most of it has gone, so that a stalled one holds no more than twice its own.
 */
export function restOfKept(kept: Uint8Array, taken: number): Uint8Array {
  const left = kept.length - taken;
  return 2 * left < kept.buffer.byteLength ? kept.slice(taken) : kept.subarray(taken);
}
