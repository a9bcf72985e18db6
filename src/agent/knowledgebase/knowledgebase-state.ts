// The answer to `KnowledgebaseState`: how many texts a device holds, and how far their embedding has come.
import type { BackgroundEmbedding } from "./background-embedding.ts";

export interface KnowledgebaseState {
  texts: number;
  /** "off": by words alone. "waiting": no model is there. "failing": it is tried again. */
  embeddings: "off" | "waiting" | "embedding" | "failing" | "complete";
  model: string | null;
  /** Different ones, of which so many are embedded, and so many were refused by the model. */
  passages: number;
  embedded: number;
  left_out: number;
  /** Not cut into passages: yet, or for want of room. */
  uncut_texts: number;
  reason: string | null;
}

export function knowledgebaseState(
  texts: number,
  embedding: BackgroundEmbedding | { whyNot: string },
): KnowledgebaseState {
  if ("whyNot" in embedding) {
    const none = { passages: 0, embedded: 0, left_out: 0, uncut_texts: 0 };
    return { texts, embeddings: "off", model: null, ...none, reason: embedding.whyNot };
  }
  const { phase, model, passages, embedded, leftOut, uncutTexts, problem } = embedding.state;
  return {
    texts,
    embeddings: phase,
    model: model ?? null,
    passages,
    embedded,
    left_out: leftOut,
    uncut_texts: uncutTexts,
    reason: phase === "waiting" ? "no model that embeds answers on this device" : (problem ?? null),
  };
}
