// One message of a client, from bytes to a trusted shape. Depth is bounded before anything walks the value.
import { MusterError } from "../../protocol/errors.ts";
import { JSON_MAX_DEPTH } from "../../protocol/limits.ts";
import { jsonDepth } from "../../protocol/json-depth.ts";
import { clientToHub, type ClientToHub } from "../../protocol/messages.ts";

const KNOWN: ReadonlySet<string> = new Set(clientToHub.options.map((option) => option.shape.type.value));

class Unknown {
  readonly id: string | undefined;

  constructor(id: unknown) {
    this.id = typeof id === "string" && id.length > 0 && id.length <= 64 ? id : undefined;
  }
}

/** Which request an `unknown_message` was; undefined where it asked for no answer. */
export function unknownRequest(error: MusterError): string | undefined {
  return error.cause instanceof Unknown ? error.cause.id : undefined;
}

/** Throws `protocol_error` for what is no message and `unknown_message` for a type that is not known here. */
export function readClientMessage(text: string | undefined): ClientToHub {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") {
    throw new MusterError("protocol_error", "that is no message");
  }
  if (!KNOWN.has(value.type)) {
    throw new MusterError("unknown_message", `this hub knows no message "${value.type.slice(0, 40)}"`, {
      hint: "the hub may be older than what speaks to it",
      cause: new Unknown("id" in value ? value.id : undefined),
    });
  }
  const read = clientToHub.safeParse(value);
  if (read.success) return read.data;
  const at = read.error.issues[0]?.path.join(".").slice(0, 100) ?? "";
  throw new MusterError("protocol_error", `"${value.type}" does not fit its shape at "${at}"`);
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined || jsonDepth(text) > JSON_MAX_DEPTH) {
    throw new MusterError("protocol_error", "that is no message");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MusterError("protocol_error", "that is no JSON", { cause: error });
  }
}
