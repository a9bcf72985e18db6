// The knowledgebase of this device, and what may embed its texts. They are sent to a model server of this machine by
// itself; to any other only where the configuration says so in so many words.
import type { CapabilityBook } from "../capabilities/capability-book.ts";
import type { AgentOptions } from "../agent-options.ts";
import type { Embedder } from "../knowledgebase/embedder.ts";
import { endpointEmbedder, isOwnModel, isOwnServer } from "../knowledgebase/endpoint-embedder.ts";
import { Knowledgebase } from "../knowledgebase/knowledgebase.ts";
import type { LlmOptions, LlmSource } from "../llm/llm-source.ts";
import type { KnowledgebaseOptions } from "../built-in-options.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";

/** This device's own model server. */
export interface OwnModels {
  options: LlmOptions;
  source: Pick<LlmSource, "capabilities">;
}

export interface OpenKnowledgebase {
  /** The model server has come, gone, or has other models. */
  modelsChanged(): void;
}

export function openKnowledgebase(
  options: AgentOptions,
  wish: KnowledgebaseOptions,
  {
    core,
    book,
    ends,
    models,
  }: { core: Core; book: CapabilityBook; ends: Ends; models: OwnModels | undefined },
): OpenKnowledgebase {
  const { world, crypto, log, paths } = options;
  let opened: Knowledgebase | undefined;
  let isOver = false;
  const opening = Knowledgebase.open({
    ...world,
    openSqlite: (path) => world.openSqlite(path),
    crypto,
    notices: core.notices,
    log: log.part("knowledgebase"),
    folders: wish.folders,
    indexPath: `${paths.home}/knowledgebase.db`,
    embedder: embedderFor(wish.embeddings, models, world),
  });
  ends.add(async () => {
    isOver = true;
    await (await opening).close();
  });
  core.inBackground(
    "knowledgebase",
    opening.then((knowledgebase) => {
      if (isOver) return;
      opened = knowledgebase;
      book.add(knowledgebase);
    }),
  );
  return { modelsChanged: () => opened?.embedderChanged() };
}

/** Exported for its test. */
export function embedderFor(
  embeddings: boolean | "auto",
  models: OwnModels | undefined,
  world: Pick<AgentOptions["world"], "network" | "timers">,
): Embedder | { whyNot: string } {
  if (embeddings === false) return { whyNot: "the configuration says so" };
  if (models === undefined) return { whyNot: "no model server is looked for" };
  const { options, source } = models;
  const isAny = embeddings === true;
  if (!isAny && !isOwnServer(options)) {
    return {
      whyNot:
        "the model server is not this machine's own: [knowledgebase] embeddings = true sends it the texts all the same",
    };
  }
  return endpointEmbedder({
    network: world.network,
    timers: world.timers,
    endpoint: options,
    model: options.embeddingModel,
    models: () => {
      const offer = source.capabilities.find(({ offer: { protocol } }) => protocol === "embeddings")?.offer;
      return (offer?.models ?? []).filter((model) => isAny || isOwnModel(model));
    },
  });
}
