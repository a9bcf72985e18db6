// What the two ends of a file on its way say to each other, inside a sealed session of kind `file`. A message that
// begins with `{` is one of these; one that begins with a zero byte is a piece of the file.
//
//   sender      offer {id, name, size}
//   receiver    held {bytes, sha256}      what it has of it, durably; or kept, where it has come already
//   sender      begin {at}                there, or from 0 where the two differ
//               bytes …, finish {sha256}
//   receiver    kept {sha256}             whole, checked and in its inbox
//   either      busy, while it works on its own disk; refused {error}, after which it ends
import { z } from "zod";
import { fromUtf8, utf8 } from "./bytes.ts";
import { errorBody } from "./command-messages.ts";

/** Of a session, in its prologue. */
export const FILE_KIND = "file";
/** First byte of a piece. */
export const PIECE = 0;
/** With its first byte, type, tag and length a record of one frame of the trunk. */
export const PIECE_MAX_BYTES = 65_516;

const sha256 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const fileMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("offer"),
    /** The sender's own; the same file again has another one. */
    id: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
    /** Text from elsewhere: never a path. */
    name: z.string().max(1024),
    size: bytes,
  }),
  z.object({ type: z.literal("held"), bytes, sha256 }),
  z.object({ type: z.literal("begin"), at: bytes }),
  z.object({ type: z.literal("finish"), sha256 }),
  z.object({ type: z.literal("kept"), sha256 }),
  z.object({ type: z.literal("busy") }),
  z.object({ type: z.literal("refused"), error: errorBody }),
]);

export type FileMessage = z.infer<typeof fileMessage>;
export type FileMessageOf<Type extends FileMessage["type"]> = Extract<FileMessage, { type: Type }>;

export function encodeFileMessage(message: FileMessage): Uint8Array {
  return utf8(JSON.stringify(message));
}

/** Undefined for what is none of them. */
export function readFileMessage(encoded: Uint8Array): FileMessage | undefined {
  try {
    const read = fileMessage.safeParse(JSON.parse(fromUtf8(encoded) ?? ""));
    return read.success ? read.data : undefined;
  } catch {
    return undefined; // no JSON
  }
}
