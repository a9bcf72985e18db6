// What programs use of the fleet by HTTP, the same at a hub and at an agent: any capability that computes, and models in
// the OpenAI format (platform.openai.com/docs/api-reference: chat, embeddings, models). What a client sends is the payload of
// a capability request, and what comes back passes through. Nothing is sent before the first part is there, so that what
// goes wrong until then has a status of its own; only a stream whose model is silent for long begins without one.
import { z } from "zod";
import { answerJson } from "./answer-json.ts";
import type { Timers } from "../world/world.ts";
import { CAPABILITY_WAITS, type CallProblem, type CapabilityReply } from "./capability-messages.ts";
import { capabilityProtocol, capabilityVersion } from "./capabilities.ts";
import { askInBatches, textsIn, type BatchAnswer, type BatchAsker } from "./embedding-batches.ts";
import { inAskedFormat } from "./embedding-format.ts";
import { isErrorCode, MusterError } from "./errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";
import { CHAT_APIS_SINCE, type ChatApi } from "./chat-apis.ts";
import { modelAsk } from "./model-ask.ts";
import { modelEvents, nextOf, withinOf } from "./model-stream.ts";
import { DEVICE_HEADER, modelWish } from "./model-wish.ts";

export interface ProgramQuestion {
  protocol: string;
  version: string;
  /** JSON text. */
  payload: string;
  /** Undefined for whichever there is. */
  model?: string | undefined;
  /** This one or nobody. */
  onlyDevice?: string | undefined;
  preferDevice?: string | undefined;
  timeoutMs?: number | undefined;
}

export type ProgramAsker = (question: ProgramQuestion, left: AbortSignal) => AsyncGenerator<CapabilityReply>;

const FIRST_VERSION = "1.0.0";

export interface ModelCall {
  protocol: "llm.chat" | "embeddings";
  version: string;
  /** Which of the format's ways to chat; without it, chat completions. */
  api?: ChatApi;
}

/** By path: what is asked of models, in the OpenAI format. */
export const MODEL_CALLS: ReadonlyMap<string, ModelCall> = new Map([
  ["/v1/chat/completions", { protocol: "llm.chat", version: FIRST_VERSION }],
  ["/v1/completions", { protocol: "llm.chat", version: CHAT_APIS_SINCE, api: "completions" }],
  ["/v1/responses", { protocol: "llm.chat", version: CHAT_APIS_SINCE, api: "responses" }],
  ["/v1/embeddings", { protocol: "embeddings", version: FIRST_VERSION }],
]);

const capabilityOptions = z.strictObject({
  version: capabilityVersion.default(FIRST_VERSION),
  only_device: z.string().min(1).max(64).optional(),
  prefer_device: z.string().min(1).max(64).optional(),
  timeout_ms: z.coerce.number().int().min(1).max(CAPABILITY_WAITS.allMs).optional(),
});

/** What a device may say before its answer's end where all of it is kept until then. */
const GATHERED_MAX_CHARACTERS = 4 * RELAY_MESSAGE_MAX_BYTES;
/** What a part costs, were it empty. */
const PART_COST_CHARACTERS = 256;

/** `/api/capabilities/PROTOCOL?version=…`. What came before the end stands in `parts`, where anything did. */
export async function answerCapability(
  ask: ProgramAsker,
  { url, payload, left }: { url: URL; payload: unknown; left: AbortSignal },
): Promise<{ from_device: string; payload: unknown; parts?: unknown[] }> {
  const protocol = capabilityProtocol.safeParse(url.pathname.split("/").at(-1));
  const options = capabilityOptions.safeParse(Object.fromEntries(url.searchParams));
  if (!protocol.success || !options.success) {
    throw new MusterError("bad_request", "the address names no capability, or its query does not fit", {
      hint: "as in /api/capabilities/embeddings?version=1.0.0&prefer_device=gpu&timeout_ms=30000",
    });
  }
  const {
    version,
    only_device: onlyDevice,
    prefer_device: preferDevice,
    timeout_ms: timeoutMs,
  } = options.data;
  const text = JSON.stringify(payload);
  const question = {
    protocol: protocol.data,
    version,
    payload: text,
    ...modelAsk(protocol.data, text, { timeoutMs }),
    onlyDevice,
    preferDevice,
  };
  const parts: unknown[] = [];
  let cost = 0;
  for await (const reply of ask(question, left)) {
    const device = reply.from_device ?? "";
    if (reply.type === "capability_part") {
      cost += reply.data.length + PART_COST_CHARACTERS;
      if (cost > GATHERED_MAX_CHARACTERS) {
        throw new MusterError("too_large", `${device} answers more than is gathered into one answer`, {
          hint: "take it part by part: muster call",
        });
      }
      parts.push(answerJson(reply.data, device));
    } else if (reply.error !== undefined) throw errorOf(reply.error);
    else {
      const answer = answerJson(reply.payload ?? "null", device);
      return {
        from_device: device,
        payload: answer,
        ...(parts.length === 0 ? {} : { parts }),
      };
    }
  }
  throw new MusterError("unavailable", "the answer broke off");
}

const STREAM_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // A proxy in front must not gather tokens.
  "X-Accel-Buffering": "no",
} as const;
/** A stream's status is kept back for so long, to be that of a refusal where there is one. */
const BEGIN_WITHIN_MS = 20_000;

/** `body`: the client's JSON, an object as far as anybody looked. `isDevice` knows the names of the asker's devices. */
export async function answerModels(
  ask: ProgramAsker,
  request: {
    call: ModelCall;
    body: Readonly<Record<string, unknown>>;
    headers: Pick<Headers, "get">;
    isDevice: (name: string) => boolean | Promise<boolean>;
    timers: Pick<Timers, "after">;
    left: AbortSignal;
  },
): Promise<Response> {
  const { call, body, headers, isDevice, timers, left } = request;
  const { protocol, version, api } = call;
  const { model: asked, api: _, ...rest } = body;
  const { model, onlyDevice } = await modelWish(
    { model: asked, header: headers.get(DEVICE_HEADER) },
    isDevice,
  );
  const said = {
    ...(model === undefined ? {} : { model }),
    ...rest,
    ...(api === undefined ? {} : { api }),
  };
  const question = {
    protocol,
    version,
    payload: JSON.stringify(said),
    model,
    onlyDevice,
    // A model is silent while it is loaded and while it reads what is asked; who hung up has taken the request back.
    timeoutMs: CAPABILITY_WAITS.allMs,
  };
  const texts = protocol === "embeddings" ? textsIn(body["input"]) : undefined;
  if (texts !== undefined) {
    const one: BatchAsker = (batch, preferDevice) =>
      wholeOf(ask({ ...question, payload: JSON.stringify(batch), preferDevice }, left));
    return wholeResponse(await askInBatches(one, said, texts));
  }
  const gone = new AbortController();
  const replies = ask(question, AbortSignal.any([left, gone.signal]));
  const coming = nextOf(replies);
  const isStream = body["stream"] === true;
  const first = isStream ? await withinOf(timers, BEGIN_WITHIN_MS, coming) : await coming;
  if (first?.type === "capability_response" && (!isStream || first.error !== undefined)) {
    const { payload, device } = answered(first);
    return wholeResponse({ payload: inAskedFormat(payload, body["encoding_format"], device), device });
  }
  const areNamed = api === "responses";
  const events = modelEvents({ timers, first: coming, replies, gone, areNamed, errorOf });
  return new Response(events, { headers: { ...STREAM_HEADERS, ...servedBy(first?.from_device) } });
}

/** Of an answer in one piece. */
async function wholeOf(replies: AsyncGenerator<CapabilityReply>): Promise<BatchAnswer> {
  for await (const reply of replies) if (reply.type === "capability_response") return answered(reply);
  throw new MusterError("unavailable", "the answer broke off");
}

function answered(reply: CapabilityReply & { type: "capability_response" }): BatchAnswer {
  if (reply.error !== undefined) throw errorOf(reply.error);
  return { payload: reply.payload ?? "null", device: reply.from_device ?? "" };
}

function wholeResponse({ payload, device }: BatchAnswer): Response {
  return new Response(payload, {
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store", ...servedBy(device) },
  });
}

function servedBy(device: string | undefined): Record<string, string> {
  return device !== undefined && /^[\x21-\x7e]+$/.test(device) ? { [DEVICE_HEADER]: device } : {};
}

function errorOf({ code, message, hint, upstream }: CallProblem): MusterError {
  return new MusterError(isErrorCode(code) ? code : "internal", message, {
    ...(hint === undefined ? {} : { hint }),
    ...(upstream === undefined ? {} : { upstream }),
  });
}
