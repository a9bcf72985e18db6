// Several model servers of one device under one capability: the first has the default, and each is asked for the models
// that it lists. What differs in its version, its trust or in who may use it is not joined.
import { MODELS_MAX } from "../../protocol/capabilities.ts";
import { isModel } from "../../protocol/model-names.ts";
import type { CallRequest, Capability } from "./capability.ts";

/** `others` are of the same protocol. Where nothing is joined, the first as it is. */
export function joinedModels(first: Capability, others: readonly Capability[]): Capability {
  const more = others.filter((other) => modelsOf(other).length > 0 && isAlike(first, other));
  if (modelsOf(first).length === 0 || more.length === 0) return first;
  const all = [first, ...more];
  const models = [...new Set(all.flatMap(modelsOf))].slice(0, MODELS_MAX);
  return {
    offer: { ...first.offer, models },
    audience: first.audience,
    call(request, answer) {
      const asked = modelIn(request);
      const who = all.find((one) => modelsOf(one).some((model) => isModel(model, asked)));
      return (who ?? first).call(request, answer);
    },
  };
}

function modelsOf({ offer }: Capability): readonly string[] {
  return offer.models ?? [];
}

function isAlike(one: Capability, other: Capability): boolean {
  return (
    one.offer.version === other.offer.version &&
    one.offer.class === other.offer.class &&
    one.audience === other.audience
  );
}

function modelIn({ payload }: CallRequest): string {
  const model = typeof payload === "object" && payload !== null && "model" in payload ? payload.model : "";
  return typeof model === "string" ? model : "";
}
