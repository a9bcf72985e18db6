// Vectors from the model server of this device. Its answer is believed only as far as it was checked: one vector for
// each text, of numbers, all of one length.
import { MusterError } from "../../protocol/errors.ts";
import type { Timers } from "../../world/world.ts";
import { askEndpoint, readJson, refusalOf, type EndpointNetwork, type LlmEndpoint } from "../llm/endpoint.ts";
import { isLoopbackHost } from "../plugins/loopback.ts";
import type { Embedder } from "./embedder.ts";

export interface EndpointEmbedderParts {
  network: EndpointNetwork;
  timers: Pick<Timers, "after">;
  endpoint: LlmEndpoint;
  /** Named by the configuration. */
  model?: string | undefined;
  /** What the server offers now. */
  models(): readonly string[];
}

/** A model that has to be loaded first takes its time. */
const WAIT_MS = 60_000;
const ANSWER_MAX_BYTES = 8 * 1024 * 1024;
const DIMENSIONS_MAX = 8192;

/** Texts that are sent there stay on this machine, and cost nothing. */
export function isOwnServer({ baseUrl, apiKey }: LlmEndpoint): boolean {
  return apiKey === undefined && URL.canParse(baseUrl) && isLoopbackHost(new URL(baseUrl).hostname);
}

/** Ollama lists those that run at its maker's beside its own. */
export function isOwnModel(model: string): boolean {
  return !/[:-]cloud$/i.test(model);
}

export function endpointEmbedder({
  network,
  timers,
  endpoint,
  model,
  models,
}: EndpointEmbedderParts): Embedder {
  return {
    models,
    isChosen: model !== undefined,
    async embed(texts, { model: wanted, signal }) {
      const gone = new AbortController();
      const late = timers.after(WAIT_MS, () => gone.abort());
      try {
        const response = await askEndpoint(network, endpoint, {
          path: "/embeddings",
          body: { model: wanted, input: texts },
          signal: AbortSignal.any([signal, gone.signal]),
        });
        if (response.status !== 200) throw (await refusalOf(response, endpoint)).error;
        return vectorsIn(await readJson(response, ANSWER_MAX_BYTES), texts.length);
      } catch (error) {
        if (gone.signal.aborted) throw new MusterError("unavailable", "the model server takes too long");
        throw error instanceof MusterError
          ? error
          : new MusterError("app_broken", "the connection to the model server broke", { cause: error });
      } finally {
        late.cancel();
      }
    },
  };
}

function vectorsIn(answer: unknown, count: number): number[][] {
  const data = fieldOf(answer, "data");
  if (!Array.isArray(data) || data.length !== count)
    throw broken(`not one embedding for each of ${count} texts`);
  const vectors: (number[] | undefined)[] = Array.from({ length: count });
  for (const [at, item] of (data as unknown[]).entries()) {
    // In the order of the texts, unless it says otherwise.
    const index = fieldOf(item, "index") ?? at;
    if (typeof index !== "number" || !(index in vectors) || vectors[index] !== undefined) {
      throw broken("embeddings of other texts");
    }
    vectors[index] = vectorIn(fieldOf(item, "embedding"));
  }
  const whole = vectors.filter((vector) => vector !== undefined);
  if (whole.some(({ length }) => length !== whole[0]?.length))
    throw broken("embeddings of different lengths");
  return whole;
}

function vectorIn(value: unknown): number[] {
  const numbers = Array.isArray(value)
    ? value.filter((each): each is number => typeof each === "number")
    : [];
  const isVector = Array.isArray(value) && numbers.length === value.length;
  if (!isVector || numbers.length === 0 || numbers.length > DIMENSIONS_MAX)
    throw broken("what is no embedding");
  return numbers;
}

function fieldOf(value: unknown, name: string): unknown {
  const isObject = typeof value === "object" && value !== null;
  return isObject ? (value as Readonly<Record<string, unknown>>)[name] : undefined; // whatever it is
}

function broken(what: string): MusterError {
  return new MusterError("app_broken", `the model server sent ${what}`);
}
