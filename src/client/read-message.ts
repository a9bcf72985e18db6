// One message of the hub, from text to a trusted shape. A type that this version does not know is skipped, so
// that a newer hub may say more; a known one that does not fit its shape ends the connection.
import { MusterError } from "../protocol/errors.ts";
import { hubToClient, type HubToClient } from "../protocol/messages.ts";

const KNOWN: ReadonlySet<string> = new Set(hubToClient.options.map((option) => option.shape.type.value));

/** Undefined for a type that is not known here. Throws `protocol_error`. The trunk has bounded its length. */
export function readMessage(text: string | undefined): HubToClient | undefined {
  if (text === undefined) throw new MusterError("protocol_error", "the hub sent bytes where text was due");
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") {
    throw new MusterError("protocol_error", "the hub sent something that is no message");
  }
  if (!KNOWN.has(value.type)) return undefined;
  const read = hubToClient.safeParse(value);
  if (read.success) return read.data;
  const at = read.error.issues[0]?.path.join(".") ?? "";
  throw new MusterError("protocol_error", `the hub's "${value.type}" does not fit its shape at "${at}"`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MusterError("protocol_error", "the hub sent text that is no JSON", { cause: error });
  }
}
