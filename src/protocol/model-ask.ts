// What is known of a request for a model from its payload alone, where its asker did not say more: which model it names,
// and that its answer may be long in coming. A model that is not in memory is read from disk before its first word.
import { isModelName } from "./capability-words.ts";
import { CAPABILITY_WAITS } from "./capability-messages.ts";

const MODEL_PROTOCOLS: ReadonlySet<string> = new Set(["llm.chat", "embeddings"]);

export interface ModelAsk {
  model?: string | undefined;
  timeoutMs?: number | undefined;
}

/** `payload`: JSON text. Of any other protocol, what was said is what there is. */
export function modelAsk(protocol: string, payload: string, said: ModelAsk): ModelAsk {
  const { model, timeoutMs } = said;
  if (!MODEL_PROTOCOLS.has(protocol)) return { model, timeoutMs };
  return { model: model ?? modelIn(payload), timeoutMs: timeoutMs ?? CAPABILITY_WAITS.allMs };
}

function modelIn(payload: string): string | undefined {
  let body: unknown;
  try {
    body = JSON.parse(payload);
  } catch {
    return undefined; // which the device says
  }
  const model = typeof body === "object" && body !== null && "model" in body ? body.model : undefined;
  return typeof model === "string" && isModelName(model) ? model : undefined;
}
