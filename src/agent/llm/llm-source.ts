// `llm.chat` and `embeddings` of this device: what one model server can do, while it is there. It is asked for its
// models now and then, so that both come and go with it.
import { CHAT_APIS, CHAT_APIS_SINCE } from "../../protocol/chat-apis.ts";
import { BASE64, listInBase64 } from "../../protocol/embedding-format.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { CallAnswer, CallRequest, Capability, CapabilitySource } from "../capabilities/capability.ts";
import { askEndpoint, readJson, refusalOf, type EndpointNetwork, type LlmEndpoint } from "./endpoint.ts";
import { callEndpoint, type EndpointWish } from "./endpoint-call.ts";
import { chosenModels, modelsIn, type LlmModels } from "./models.ts";

export interface LlmOptions extends LlmEndpoint {
  /** What is used when nobody asks for one. */
  model?: string;
  embeddingModel?: string;
  /** Nobody named it: it may as well not be there. */
  isGuess?: true;
}

export interface LlmParts {
  network: EndpointNetwork;
  timers: Pick<Timers, "after">;
  log: Log;
  /** It offers something else than before. */
  changed(): void;
  /** Why it offers nothing, for the person here; undefined once it does. */
  trouble?(text: string | undefined): void;
}

const VERSIONS = { "llm.chat": CHAT_APIS_SINCE, embeddings: "1.0.0" } as const;
const LOOK_TIMEOUT_MS = 5000;
const LOOK_EVERY_MS = 15_000;
/** At a provider every request counts. */
const LOOK_AGAIN_MS = 60_000;
const LOOK_SELDOM_MS = 600_000;
const MODELS_MAX_BYTES = 1024 * 1024;

export class LlmSource implements CapabilitySource {
  readonly #parts: LlmParts;
  readonly #options: LlmOptions;
  readonly #closed = new AbortController();
  #models: LlmModels | undefined;
  #capabilities: readonly Capability[] = [];
  #next: Timer | undefined;

  constructor(parts: LlmParts, options: LlmOptions) {
    this.#parts = parts;
    this.#options = options;
    void this.#look();
  }

  get capabilities(): readonly Capability[] {
    return this.#capabilities;
  }

  close(): void {
    this.#closed.abort();
    this.#next?.cancel();
  }

  async #look(): Promise<void> {
    const { timers, log, trouble } = this.#parts;
    const { baseUrl, apiKey, isGuess } = this.#options;
    let waitMs = apiKey === undefined ? LOOK_EVERY_MS : LOOK_AGAIN_MS;
    try {
      this.#has(await this.#ask());
      trouble?.(undefined);
      if (apiKey !== undefined) waitMs = LOOK_SELDOM_MS;
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      const { message } = publicError(error);
      if (isGuess !== true) {
        trouble?.(message);
        if (this.#models !== undefined)
          log.warn("the model server went away", { url: baseUrl, problem: message });
      }
      this.#has(undefined);
    }
    if (!this.#closed.signal.aborted) this.#next = timers.after(waitMs, () => void this.#look());
  }

  async #ask(): Promise<LlmModels> {
    const { network, timers } = this.#parts;
    const { model, embeddingModel } = this.#options;
    const chosen = {
      ...(model === undefined ? {} : { model }),
      ...(embeddingModel === undefined ? {} : { embeddingModel }),
    };
    const gone = new AbortController();
    const late = timers.after(LOOK_TIMEOUT_MS, () => gone.abort());
    try {
      const signal = AbortSignal.any([gone.signal, this.#closed.signal]);
      const response = await askEndpoint(network, this.#options, { path: "/models", signal });
      // One that has no list, but answers.
      const isUnlisted = (response.status === 404 || response.status === 405) && model !== undefined;
      if (isUnlisted) return chosenModels(chosen);
      if (response.status !== 200) throw (await refusalOf(response, this.#options)).error;
      const models = modelsIn(await readJson(response, MODELS_MAX_BYTES), chosen);
      if (models === undefined) throw new MusterError("app_broken", "it does not speak the OpenAI format");
      return models;
    } finally {
      late.cancel();
    }
  }

  #has(models: LlmModels | undefined): void {
    if (JSON.stringify(models) === JSON.stringify(this.#models)) return;
    const { log, changed } = this.#parts;
    if (models !== undefined) log.info("a model server is there", { url: this.#options.baseUrl, ...models });
    this.#models = models;
    this.#capabilities = [
      ...this.#offer("llm.chat", models?.chat ?? [], (request, first) => chatWish(request, first)),
      ...this.#offer("embeddings", models?.embedding ?? [], (request, first) =>
        embeddingsWish(request, first),
      ),
    ];
    changed();
  }

  #offer(
    protocol: keyof typeof VERSIONS,
    models: readonly string[],
    wishOf: (payload: Readonly<Record<string, unknown>>, model: string) => EndpointWish,
  ): Capability[] {
    const [first] = models;
    if (first === undefined) return [];
    return [
      {
        offer: { protocol, version: VERSIONS[protocol], class: "compute", models: [...models] },
        // What costs money is not for everybody.
        audience: this.#options.apiKey === undefined ? "members" : "controllers",
        call: ({ payload }: CallRequest, answer: CallAnswer) =>
          callEndpoint({ ...this.#parts, endpoint: this.#options }, wishOf(objectIn(payload), first), answer),
      },
    ];
  }
}

/** `api` says which of the format's ways to chat; what is left is that endpoint's own body. */
function chatWish({ api, ...payload }: Readonly<Record<string, unknown>>, model: string): EndpointWish {
  const body = { model, ...payload };
  if (api === undefined) return { path: "/chat/completions", body };
  const known = CHAT_APIS.find((one) => one === api);
  if (known === undefined) throw new MusterError("invalid", `\`api\` must be one of ${CHAT_APIS.join(", ")}`);
  return { path: `/${known}`, body };
}

/** The format's own body, or `{text}` for `{embedding, model}`. */
function embeddingsWish(payload: Readonly<Record<string, unknown>>, model: string): EndpointWish {
  const { text, ...rest } = payload;
  if (text === undefined) {
    const body = { model, ...payload, stream: false };
    // Many servers pass over what they are asked for here, and numbers take four times as much.
    const inBase64 = payload["encoding_format"] === BASE64;
    return { path: "/embeddings", body, ...(inBase64 ? { result: listInBase64 } : {}) };
  }
  if (typeof text !== "string") throw new MusterError("invalid", "`text` must be a text");
  return {
    path: "/embeddings",
    body: { model, ...rest, input: text, stream: false },
    result: (whole) => embeddingIn(whole, model),
  };
}

function embeddingIn(whole: unknown, asked: string): object {
  const [first] = isObject(whole) && Array.isArray(whole["data"]) ? (whole["data"] as unknown[]) : [];
  const embedding = isObject(first) ? first["embedding"] : undefined;
  if (!Array.isArray(embedding)) throw new MusterError("app_broken", "the model server sent no embedding");
  const model = isObject(whole) && typeof whole["model"] === "string" ? whole["model"] : asked;
  return { embedding, model };
}

function objectIn(payload: unknown): Readonly<Record<string, unknown>> {
  if (isObject(payload)) return payload;
  throw new MusterError("invalid", "the payload must be a JSON object, as the OpenAI format has it");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
