// A call's body: marked as JSON, read up to a bound, not nested deep, parsed and checked once.
import type { z } from "zod";
import { fromUtf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { jsonDepth } from "../../protocol/json-depth.ts";
import { JSON_MAX_DEPTH } from "../../protocol/limits.ts";

export const BODY_MAX_BYTES = 64 * 1024;

/** A form or a script of another page can send text, but not this type without asking first. */
const JSON_TYPE = /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i;

/** Throws `bad_request` or `too_large`. */
export async function readBody<Shape extends z.ZodType>(
  request: Request,
  shape: Shape,
  maxBytes = BODY_MAX_BYTES,
): Promise<z.infer<Shape>> {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
    throw new MusterError("bad_request", "the body is not marked as JSON", {
      hint: "send it with Content-Type: application/json",
    });
  }
  const text = fromUtf8(await readBounded(request, maxBytes));
  if (text === undefined || jsonDepth(text) > JSON_MAX_DEPTH) throw notJson();
  const read = shape.safeParse(parse(text));
  if (read.success) return read.data;
  const field = read.error.issues[0]?.path[0];
  throw new MusterError(
    "bad_request",
    typeof field === "string"
      ? `the field "${field.slice(0, 40)}" is missing or does not fit`
      : "the body does not have the shape of this call",
  );
}

async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const body = new Uint8Array(maxBytes);
  let length = 0;
  for await (const chunk of request.body ?? []) {
    // Leaving the loop cancels the stream, so nothing more is read.
    if (length + chunk.length > maxBytes) throw tooLarge(maxBytes);
    body.set(chunk, length);
    length += chunk.length;
  }
  return body.subarray(0, length);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notJson(); // the parser's own message quotes the text
  }
}

function notJson(): MusterError {
  return new MusterError("bad_request", "the body is not JSON, or nested too deep");
}

function tooLarge(maxBytes: number): MusterError {
  return new MusterError("too_large", `the body is larger than ${maxBytes / 1024} KiB`);
}
