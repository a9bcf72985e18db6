// A request's body: read up to a bound, then parsed and checked once. What is wrong with it is told by the
// field's name as we call it, never by what stood there.
import type { z } from "zod";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { JSON_MAX_DEPTH } from "../../protocol/limits.ts";
import { jsonDepth } from "../../protocol/json-depth.ts";

/** The largest honest body is an owner log's entry. */
export const BODY_MAX_BYTES = 64 * 1024;

export async function readJson<Shape extends z.ZodType>(
  request: Request,
  shape: Shape,
  maxBytes = BODY_MAX_BYTES,
): Promise<z.infer<Shape>> {
  const value = parse(await readJsonBytes(request, maxBytes));
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  throw badShape(shape, read.error.issues[0]?.path[0]);
}

/** The bytes of a body that says it is JSON and is not nested too deep. */
export async function readJsonBytes(
  request: Request,
  maxBytes = BODY_MAX_BYTES,
): Promise<Uint8Array<ArrayBuffer>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i.test(type)) {
    throw new MusterError("bad_request", "the body is not marked as JSON", {
      hint: "send it with Content-Type: application/json",
    });
  }
  const coding = request.headers.get("content-encoding") ?? "identity";
  if (coding !== "identity") throw new MusterError("bad_request", "compressed bodies are not read here");
  const bytes = await readBounded(request, maxBytes);
  const text = fromUtf8(bytes);
  if (text === undefined || jsonDepth(text) > JSON_MAX_DEPTH) throw notJson();
  return bytes;
}

async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the stream, so nothing more is read.
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes) ?? "");
  } catch {
    throw notJson(); // the parser's own message quotes the text
  }
}

// A name from the path of an issue is told only where it is one of ours: a record's keys are the sender's.
function badShape(shape: z.ZodType, name: PropertyKey | undefined): MusterError {
  const ours = "shape" in shape && typeof shape.shape === "object" && shape.shape !== null ? shape.shape : {};
  return typeof name === "string" && Object.hasOwn(ours, name)
    ? new MusterError("bad_request", `the field "${name}" is missing or does not fit`)
    : new MusterError("bad_request", "the body does not have the shape of this call");
}

function notJson(): MusterError {
  return new MusterError("bad_request", "the body is not JSON, or nested too deep");
}

function tooLarge(maxBytes: number): MusterError {
  return new MusterError("too_large", `the body is larger than ${maxBytes / 1024} KiB`);
}
