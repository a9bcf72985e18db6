// The models that the devices of an asker offer, in OpenAI's format: all of them, or one by its name.
import type { CapabilityOffer } from "./capabilities.ts";
import { MusterError } from "./errors.ts";
import { isModel } from "./model-names.ts";

export interface ModelOwner {
  name: string;
  capabilities: readonly CapabilityOffer[];
}

/** Below it stands the name of one. */
export const MODELS_PATH = "/v1/models";
const HEADERS = { "Cache-Control": "no-store" } as const;

/** `path`: the list's, or that of one model. Throws `not_found` for one that nobody has. */
export function answerModelList(devices: readonly ModelOwner[], path: string): Response {
  const data = modelsOf(devices);
  if (path === MODELS_PATH) return Response.json({ object: "list", data }, { headers: HEADERS });
  const asked = decoded(path.slice(MODELS_PATH.length + 1));
  const found = data.find(({ id }) => id === asked) ?? data.find(({ id }) => isModel(id, asked));
  if (found !== undefined) return Response.json(found, { headers: HEADERS });
  throw new MusterError("not_found", "no device that is here has this model", {
    hint: "GET /v1/models lists those there are",
  });
}

/** Each once, with the devices that have it as its owners. */
function modelsOf(devices: readonly ModelOwner[]) {
  const owners = new Map<string, string[]>();
  for (const { name, capabilities } of devices) {
    for (const { protocol, models } of capabilities) {
      if (protocol !== "llm.chat" && protocol !== "embeddings") continue;
      for (const model of models ?? []) {
        const known = owners.get(model) ?? [];
        owners.set(model, known.includes(name) ? known : [...known, name]);
      }
    }
  }
  return [...owners]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([id, names]) => ({ id, object: "model", created: 0, owned_by: names.join(", ") }));
}

/** Names have slashes, which some clients write as they are and some as `%2F`. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // which is none
  }
}
