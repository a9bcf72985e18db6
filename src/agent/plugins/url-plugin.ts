// A plugin that runs by itself behind an address of this machine. What it offers is there while it answers: a model
// protocol speaks the OpenAI format there, all else the same messages as a program does, each request by a POST.
import { CAPABILITY_WAITS } from "../../protocol/capability-messages.ts";
import { utf8 } from "../../protocol/bytes.ts";
import { serves } from "../../protocol/capabilities.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Timer } from "../../world/world.ts";
import type { CallAnswer, CallRequest, Capability, RunningCall } from "../capabilities/capability.ts";
import { LlmSource } from "../llm/llm-source.ts";
import type { Answerer } from "../queries/query-desk.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { PluginCapability } from "./manifest.ts";
import {
  PLUGIN_CALLS_MAX,
  QUERY_TIMEOUT_MS,
  type Plugin,
  type PluginGiven,
  type PluginParts,
} from "./plugin.ts";
import { PluginCall } from "./plugin-call.ts";
import {
  CONTRACT,
  problemOf,
  readLine,
  RPC_LINE_MAX_BYTES,
  rpcRequest,
  type FromPlugin,
  type RpcReply,
} from "./rpc.ts";

const MODEL_PROTOCOLS: ReadonlySet<string> = new Set(["llm.chat", "embeddings"]);
const LOOK_EVERY_MS = 15_000;
const LOOK_TIMEOUT_MS = 5000;
/** Lines of an answer that belong to nothing asked; a program's are bounded alike. */
const STRAYS_MAX = 1000;

export class UrlPlugin implements Plugin {
  readonly #parts: PluginParts;
  readonly #given: PluginGiven;
  readonly #url: string;
  readonly #llm: LlmSource | undefined;
  readonly #offered: readonly Capability[];
  readonly #answers: Readonly<Record<string, Answerer>>;
  readonly #closed = new AbortController();
  #isThere = false;
  #next: Timer | undefined;
  #calls = 0;
  #nextId = 1;

  constructor(parts: PluginParts, given: PluginGiven, url: string) {
    this.#parts = parts;
    this.#given = given;
    this.#url = url.replace(/\/+$/, "");
    const { capabilities, queries } = given.manifest;
    const models = capabilities.filter(({ protocol }) => MODEL_PROTOCOLS.has(protocol));
    const { changed } = given;
    const trouble = (text: string | undefined): void => given.trouble(text);
    this.#llm =
      models.length === 0
        ? undefined
        : new LlmSource({ ...parts, changed, trouble }, { baseUrl: v1Of(this.#url), ...chosenIn(models) });
    this.#offered = capabilities.filter((one) => !models.includes(one)).map((one) => this.#offer(one));
    this.#answers = Object.fromEntries(
      queries.map((name) => [name, (params: unknown) => this.#query(name, params)]),
    );
    if (this.#offered.length > 0 || queries.length > 0) void this.#look();
  }

  get capabilities(): readonly Capability[] {
    return [...this.#declared(this.#llm?.capabilities ?? []), ...(this.#isThere ? this.#offered : [])];
  }

  get queries(): Readonly<Record<string, Answerer>> {
    return this.#isThere ? this.#answers : {};
  }

  async stop(): Promise<void> {
    this.#closed.abort();
    this.#next?.cancel();
    this.#llm?.close();
  }

  /** What the server can do and the manifest says, in the manifest's words. */
  #declared(found: readonly Capability[]): Capability[] {
    return found.flatMap((capability) => {
      const said = this.#given.manifest.capabilities.find(
        ({ protocol }) => protocol === capability.offer.protocol,
      );
      if (said === undefined) return [];
      const { offer } = capability;
      // A newer minor of the same is how this agent speaks to a model server, which the manifest need not know.
      const version = serves(offer, said) ? offer.version : said.version;
      return [{ ...capability, offer: { ...offer, version, class: said.class } }];
    });
  }

  #offer({ protocol, version, class: kind, models }: PluginCapability): Capability {
    return {
      offer: { protocol, version, class: kind, ...(models.length === 0 ? {} : { models: [...models] }) },
      audience: "members",
      call: (request, answer) => this.#call({ protocol, version }, request, answer),
    };
  }

  #call(asked: { protocol: string; version: string }, request: CallRequest, answer: CallAnswer): RunningCall {
    const { name } = this.#given.manifest;
    if (this.#calls >= PLUGIN_CALLS_MAX)
      throw new MusterError("too_many", `the plugin ${name} has too much to do`);
    this.#calls += 1;
    const gone = new AbortController();
    const late = this.#parts.timers.after(CAPABILITY_WAITS.allMs, () => gone.abort());
    let room = Promise.withResolvers<void>();
    const call = new PluginCall({
      timers: this.#parts.timers,
      name,
      answer,
      held() {},
      released() {
        room.resolve();
        room = Promise.withResolvers<void>();
      },
      cancelled: () => gone.abort(),
    });
    const requestId = `call-${this.#nextId}`;
    const params = { request_id: requestId, ...asked, payload: request.payload, caller: request.caller };
    const heard = async (said: FromPlugin): Promise<boolean> => {
      if (said.kind !== "part" || said.requestId !== requestId) return false;
      if (!call.part(said.data)) await Promise.race([room.promise, aborted(gone.signal)]);
      return true;
    };
    this.#ask({ method: "capability.call", params, signal: gone.signal }, heard)
      .then(
        (reply) => call.reply(reply),
        (error: unknown) => call.lost(publicError(error)),
      )
      .finally(() => {
        late.cancel();
        this.#calls -= 1;
      });
    return { resume: () => call.resume(), cancel: () => call.cancel() };
  }

  async #query(name: string, params: unknown): Promise<unknown> {
    const gone = new AbortController();
    const late = this.#parts.timers.after(QUERY_TIMEOUT_MS, () => gone.abort());
    try {
      const reply = await this.#ask({ method: "query", params: { name, params }, signal: gone.signal });
      if ("result" in reply) return reply.result;
      throw problemOf(this.#given.manifest.name, reply.error).error;
    } finally {
      late.cancel();
    }
  }

  async #look(): Promise<void> {
    const { timers } = this.#parts;
    const gone = new AbortController();
    const late = timers.after(LOOK_TIMEOUT_MS, () => gone.abort());
    const { name } = this.#given.manifest;
    try {
      await this.#ask({ method: "plugin.hello", params: { name, contract: CONTRACT }, signal: gone.signal });
      this.#found(true);
      this.#given.trouble(undefined);
    } catch (error) {
      this.#found(false);
      if (!this.#closed.signal.aborted) this.#given.trouble(publicError(error).message);
    } finally {
      late.cancel();
    }
    if (!this.#closed.signal.aborted) this.#next = timers.after(LOOK_EVERY_MS, () => void this.#look());
  }

  #found(isThere: boolean): void {
    if (isThere === this.#isThere) return;
    this.#isThere = isThere;
    this.#given.changed();
  }

  /** The response's own reply, after all lines before it were heard. `heard` says whether one belongs to it. */
  async #ask(
    { method, params, signal }: { method: string; params: object; signal: AbortSignal },
    heard: (said: FromPlugin) => Promise<boolean> = async () => false,
  ): Promise<RpcReply> {
    let strays = 0;
    const id = this.#nextId++;
    const response = await this.#post(rpcRequest(id, method, params), signal);
    if (response.status !== 200) throw broken(`status ${response.status}`);
    for await (const said of linesOf(response)) {
      if (said === undefined) throw broken("a line that is no JSON-RPC message");
      if (said.kind === "reply" && said.id === id) return said.reply;
      if (!(await heard(said)) && ++strays > STRAYS_MAX) throw broken("what it was not asked");
    }
    throw broken("an answer without an end");
  }

  async #post(request: object, signal: AbortSignal): Promise<Response> {
    const { network } = this.#parts;
    try {
      return await network.fetch(this.#url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(request),
        signal: AbortSignal.any([signal, this.#closed.signal]),
      });
    } catch (error) {
      throw new MusterError("unavailable", `nothing answers at ${this.#url}`, { cause: error });
    }
  }
}

async function* linesOf(response: Response): AsyncGenerator<FromPlugin | undefined> {
  const waiting: (FromPlugin | undefined)[] = [];
  const lines = new LineSplitter(RPC_LINE_MAX_BYTES, {
    line: (bytes) => waiting.push(readLine(bytes)),
    overlong: () => waiting.push(undefined),
  });
  for await (const bytes of response.body ?? []) {
    lines.push(bytes);
    yield* waiting.splice(0);
  }
  // The last line of an answer needs no end.
  if (lines.isWithin) lines.push(utf8("\n"));
  yield* waiting;
}

function broken(what: string): MusterError {
  return new MusterError("app_broken", `the plugin answered with ${what}`);
}

function v1Of(url: string): string {
  return url.endsWith("/v1") ? url : `${url}/v1`;
}

function chosenIn(models: readonly PluginCapability[]): { model?: string; embeddingModel?: string } {
  const model = models.find(({ protocol }) => protocol === "llm.chat")?.models[0];
  const embeddingModel = models.find(({ protocol }) => protocol === "embeddings")?.models[0];
  return {
    ...(model === undefined ? {} : { model }),
    ...(embeddingModel === undefined ? {} : { embeddingModel }),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
