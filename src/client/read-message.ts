// One text message of the hub, from bytes to a trusted shape. A type that this version does not know is
// skipped, so that a newer hub may say more; a known one that does not fit its shape ends the connection.
import { MusterError } from "../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import { hubToClient, type HubToClient } from "../protocol/messages.ts";

const KNOWN: ReadonlySet<string> = new Set(hubToClient.options.map((option) => option.shape.type.value));

/** Undefined for a type that is not known here. Throws `protocol_error` or `too_large`. */
export function readMessage(data: unknown): HubToClient | undefined {
  if (typeof data !== "string")
    throw new MusterError("protocol_error", "the hub sent bytes where text was due");
  // A fleet of hundreds of devices is the longest thing a hub says here. Counted in characters, which is never more than bytes.
  if (data.length > RELAY_MESSAGE_MAX_BYTES)
    throw new MusterError("too_large", "the hub sent too long a message");
  const value = parseJson(data);
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
