// Which models a server has, as it says itself, and what each of them is for. The format does not tell chat from
// embedding models, so their names do.
import { z } from "zod";
import { MODELS_MAX, modelName } from "../../protocol/capabilities.ts";
import { isModel } from "../../protocol/model-names.ts";

export interface LlmModels {
  /** The default first. */
  chat: readonly string[];
  embedding: readonly string[];
}

const list = z.object({ data: z.array(z.object({ id: z.string() })) });
/** nomic-embed-text, text-embedding-3-small, all-minilm, bge-m3, gte-large, e5-mistral, … */
const EMBEDS = /embed|minilm|paraphrase|(?:^|[/-])(?:bge|gte|e5)-/i;
/** bge-reranker-v2-m3, whisper-1, gpt-4o-transcribe, tts-1, dall-e-3, omni-moderation-latest, … */
const NEITHER = /rerank|whisper|transcribe|(?:^|[/-])tts-|-tts\b|dall-e|moderation/i;

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
  const isChosen = (id: string, chosen: string | undefined): boolean =>
    chosen !== undefined && isModel(id, chosen);
  const embeds = (id: string): boolean =>
    isChosen(id, embeddingModel) || (!isChosen(id, model) && EMBEDS.test(id));
  const known = ids.filter((id) => isChosen(id, model) || isChosen(id, embeddingModel) || !NEITHER.test(id));
  // By the name in the list, where it is there.
  const first = (chosen: string | undefined, others: readonly string[]): string[] => {
    const named = chosen === undefined ? [] : [others.find((id) => isModel(id, chosen)) ?? chosen];
    return [...new Set([...named, ...others])].slice(0, MODELS_MAX);
  };
  return {
    chat: first(
      model,
      known.filter((id) => !embeds(id)),
    ),
    embedding: first(embeddingModel, known.filter(embeds)),
  };
}
