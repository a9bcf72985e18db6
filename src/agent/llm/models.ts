// Which models a server has, as it says itself, and what each of them is for. The format does not tell chat from
// embedding models, so their names do.
import { z } from "zod";
import { modelName } from "../../protocol/capabilities.ts";

export interface LlmModels {
  /** The default first. */
  chat: readonly string[];
  embedding: readonly string[];
}

const MODELS_MAX = 64;
const list = z.object({ data: z.array(z.object({ id: z.string() })) });
/** nomic-embed-text, text-embedding-3-small, all-minilm, bge-m3, gte-large, e5-mistral, … */
const EMBEDS = /embed|minilm|(?:^|[/-])(?:bge|gte|e5)-/i;

/** Undefined for what is no answer of `/models`. */
export function modelsIn(
  answer: unknown,
  chosen: { model?: string; embeddingModel?: string },
): LlmModels | undefined {
  const read = list.safeParse(answer);
  if (!read.success) return undefined;
  return sorted(
    read.data.data.map(({ id }) => id).filter((id) => modelName.safeParse(id).success),
    chosen,
  );
}

/** Of a server that does not list them. */
export function chosenModels(chosen: { model?: string; embeddingModel?: string }): LlmModels {
  return sorted([], chosen);
}

function sorted(
  ids: readonly string[],
  { model, embeddingModel }: { model?: string; embeddingModel?: string },
): LlmModels {
  const embeds = (id: string): boolean => id === embeddingModel || (id !== model && EMBEDS.test(id));
  const first = (chosen: string | undefined, others: readonly string[]): string[] =>
    [...new Set([...(chosen === undefined ? [] : [chosen]), ...others])].slice(0, MODELS_MAX);
  return {
    chat: first(
      model,
      ids.filter((id) => !embeds(id)),
    ),
    embedding: first(embeddingModel, ids.filter(embeds)),
  };
}
