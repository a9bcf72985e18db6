// What people write, as the body of a message.
import { utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";

/** Throws `too_large`. */
export function textBody(text: string): Uint8Array {
  const body = utf8(text.toWellFormed());
  if (body.length <= RELAY_MESSAGE_MAX_BYTES) return body;
  throw new MusterError("too_large", `a message has at most ${RELAY_MESSAGE_MAX_BYTES} bytes`, {
    hint: "send it as a file",
  });
}
