// Answers of the agent that come one after the other, as JSON lines. The last line may be what went wrong instead.
import type { z } from "zod";
import { isErrorCode, MusterError } from "../protocol/errors.ts";
import { isObject } from "./bounded-json.ts";

/** An answer of at most 1 MiB, with its escapes. */
const LINE_MAX_CHARACTERS = 4 * 1024 * 1024;

export async function* replyLines<Reply>(
  body: AsyncIterable<Uint8Array>,
  shape: z.ZodType<Reply>,
): AsyncGenerator<Reply> {
  const decoder = new TextDecoder();
  let begun = "";
  for await (const bytes of body) {
    begun += decoder.decode(bytes, { stream: true });
    const lines = begun.split("\n");
    begun = lines.pop() ?? "";
    if (begun.length > LINE_MAX_CHARACTERS) throw new MusterError("too_large", "an answer is too long");
    for (const line of lines) yield replyIn(line, shape);
  }
  throw new MusterError("agent_not_running", "the agent ended before the answer did", {
    hint: "see whether it still runs: `muster status`",
  });
}

function replyIn<Reply>(line: string, shape: z.ZodType<Reply>): Reply {
  const value: unknown = JSON.parse(line);
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  const error = isObject(value) ? value["error"] : undefined;
  if (isObject(error) && typeof error["code"] === "string" && typeof error["message"] === "string") {
    const { code, message, hint } = error;
    throw problemOf({ code, message, hint: typeof hint === "string" ? hint : undefined });
  }
  throw new MusterError("internal", "the agent answered in a form that this version does not know");
}

/** As it travelled; `device` is who says it, where it is a device, which is named once. */
export function problemOf(
  { code, message, hint }: { code: string; message: string; hint?: string | undefined },
  device = "",
): MusterError {
  return new MusterError(
    isErrorCode(code) ? code : "internal",
    device === "" || message.startsWith(`${device} `) ? message : `${device}: ${message}`,
    hint === undefined ? {} : { hint },
  );
}
