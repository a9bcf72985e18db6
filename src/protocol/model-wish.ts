// Which model, on which device, a client in the OpenAI format asks for. `model` names one that some device has; `auto`
// and `default` stand for whichever there is. One device alone is named by the header `Muster-Device`, or behind the
// model for clients that send nothing else: `qwen3:8b@gpu`, `auto@gpu`.
import { isModelName, MODEL_MAX_CHARACTERS } from "./capability-words.ts";
import { MusterError } from "./errors.ts";

/** In a request: who is to serve. In an answer: who did. */
export const DEVICE_HEADER = "Muster-Device";

export interface ModelWish {
  /** Undefined for whichever there is. */
  model: string | undefined;
  onlyDevice: string | undefined;
}

/** What any client may name for whichever model the fleet has. */
const ANY_MODEL: ReadonlySet<string> = new Set(["", "auto", "default"]);
const DEVICE_MAX_CHARACTERS = 64;

/** `isDevice`: names of models may have an `@` too, so only a name of a device is one. */
export async function modelWish(
  { model: asked, header }: { model: unknown; header: string | null },
  isDevice: (name: string) => boolean | Promise<boolean>,
): Promise<ModelWish> {
  const named = asked ?? "";
  if (typeof named !== "string" || named.length > MODEL_MAX_CHARACTERS + 1 + DEVICE_MAX_CHARACTERS) {
    throw new MusterError("bad_request", "the model must be a text");
  }
  if (header !== null && (header === "" || header.length > DEVICE_MAX_CHARACTERS)) {
    throw new MusterError("bad_request", `${DEVICE_HEADER} must name a device`);
  }
  const at = named.lastIndexOf("@");
  const behind = named.slice(at + 1);
  const isSplit =
    at >= 0 && behind !== "" && behind.length <= DEVICE_MAX_CHARACTERS && (await isDevice(behind));
  const model = isSplit ? named.slice(0, at) : named;
  if (isSplit && header !== null && header !== behind) {
    throw new MusterError(
      "bad_request",
      `the model names the device ${behind}, and ${DEVICE_HEADER} another`,
    );
  }
  if (!ANY_MODEL.has(model) && !isModelName(model)) {
    throw new MusterError("bad_request", "the model must be a name, without blanks");
  }
  return {
    model: ANY_MODEL.has(model) ? undefined : model,
    onlyDevice: isSplit ? behind : (header ?? undefined),
  };
}
