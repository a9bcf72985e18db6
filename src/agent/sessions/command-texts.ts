// What a command says, and how one ended, read from the text that was signed or stored. What fits no shape is refused by
// name; an outcome that cannot be read is one that is not known.
import {
  COMMAND_REQUESTS,
  sealedOutcome,
  type SealedKind,
  type SealedOutcome,
} from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";

/** Of a command that had not ended when the agent did. */
const UNKNOWN_END: SealedOutcome = {
  error: {
    code: "unavailable",
    message: "the agent ended while this command ran, so its outcome is not known",
    hint: "look at what it did before it is ordered again",
  },
};

export function kindOf(text: string): SealedKind {
  if (Object.hasOwn(COMMAND_REQUESTS, text)) return text as SealedKind; // a key of the table
  throw new MusterError("unknown_message", `this device knows no command "${text.slice(0, 40)}"`, {
    hint: "it may be older than what speaks to it",
  });
}

export function requestOf(kind: SealedKind, text: string): unknown {
  const read = COMMAND_REQUESTS[kind].safeParse(parse(text));
  if (read.success) return read.data;
  const at = read.error.issues[0]?.path.join(".") ?? "";
  throw new MusterError("bad_request", `the request of "${kind}" does not fit its shape at "${at}"`);
}

export function storedOutcome(json: string | null): SealedOutcome {
  const read = sealedOutcome.safeParse(parse(json ?? ""));
  return read.success ? read.data : UNKNOWN_END;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which no shape accepts
  }
}
