// Chooses how a response is compressed (RFC 9110, 12.5.3) and compresses it as it streams.

import { pipeline, Readable } from "node:stream";
import * as zlib from "node:zlib";
import type { Transform } from "node:stream";

export type Coding = "br" | "zstd" | "gzip";

/** Siblings of a file that hold it compressed, the smallest first. */
export const SIBLINGS: readonly { coding: Coding; extension: string }[] = [
  { coding: "br", extension: ".br" },
  { coding: "zstd", extension: ".zst" },
  { coding: "gzip", extension: ".gz" },
];

/** When we compress ourselves: what costs least time for nearly the same size comes first. */
export const LIVE_CODINGS: readonly Coding[] = ["zstd", "br", "gzip"];

/** Below this the head outweighs what is saved. */
export const COMPRESS_MIN_BYTES = 1024;

/** The codings a visitor takes, best liked first; equals stay in the order of `ours`. */
export function acceptedCodings(accept: string | undefined, ours: readonly Coding[]): Coding[] {
  if (accept === undefined) return [];
  const weights = new Map<string, number>();
  for (const item of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim());
    weights.set(name === "x-gzip" ? "gzip" : name, weightOf(parameters));
  }
  const weight = (name: string) => weights.get(name) ?? weights.get("*") ?? 0;
  // The file as it is has a weight too: who likes it better than a coding gets it.
  const identity = weights.get("identity") ?? 0;
  return ours
    .filter((coding) => weight(coding) > 0 && weight(coding) >= identity)
    .sort((a, b) => weight(b) - weight(a));
}

function weightOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith("q="));
  const weight = given === undefined ? 1 : Number(given.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}

/** Reads `source` only as fast as the result is read, and ends it when the reader leaves. */
export function compressed(source: AsyncIterable<Uint8Array>, coding: Coding): AsyncIterable<Uint8Array> {
  const compressor = compressorOf(coding);
  // The reader of `compressor` gets the error; nothing is left to do here.
  pipeline(Readable.from(source, { objectMode: false }), compressor, () => {});
  return compressor;
}

// Levels at which text leaves faster than a home's uplink takes it.
function compressorOf(coding: Coding): Transform {
  if (coding === "gzip") return zlib.createGzip({ level: 6 });
  // The types are those of Node 20, which had no zstd; Bun and Node 22 do.
  if (coding === "zstd") return (zlib as unknown as { createZstdCompress(): Transform }).createZstdCompress();
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN } = zlib.constants;
  return zlib.createBrotliCompress({ params: { [BROTLI_PARAM_QUALITY]: 4, [BROTLI_PARAM_LGWIN]: 20 } });
}
