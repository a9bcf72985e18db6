// What programs use of the fleet by HTTP, the same at a hub and at an agent: any capability that computes, and models in
// the OpenAI format (platform.openai.com/docs/api-reference: chat, embeddings, models). What a client sends is the payload of
// a capability request, and what comes back passes through. Nothing is sent before the first part is there, so that what goes wrong until then has a status of its own.
import { z } from "zod";
import { answerJson } from "./answer-json.ts";
import { CAPABILITY_WAITS, type CapabilityReply } from "./capability-messages.ts";
import { capabilityProtocol, capabilityVersion, type CapabilityOffer } from "./capabilities.ts";
import { isErrorCode, MusterError, publicError } from "./errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";
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

/** By path: what is asked of models, in the OpenAI format. */
export const MODEL_CALLS = {
  "/v1/chat/completions": "llm.chat",
  "/v1/embeddings": "embeddings",
} as const;
export type ModelProtocol = (typeof MODEL_CALLS)[keyof typeof MODEL_CALLS];

const FIRST_VERSION = "1.0.0";
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
  const question = {
    protocol: protocol.data,
    version,
    payload: JSON.stringify(payload),
    onlyDevice,
    preferDevice,
    timeoutMs,
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

/** `body`: the client's JSON, an object as far as anybody looked. `isDevice` knows the names of the asker's devices. */
export async function answerModels(
  ask: ProgramAsker,
  request: {
    protocol: ModelProtocol;
    body: Readonly<Record<string, unknown>>;
    headers: Pick<Headers, "get">;
    isDevice: (name: string) => boolean | Promise<boolean>;
    left: AbortSignal;
  },
): Promise<Response> {
  const { protocol, body, headers, isDevice, left } = request;
  const { model: asked, ...rest } = body;
  const { model, onlyDevice } = await modelWish(
    { model: asked, header: headers.get(DEVICE_HEADER) },
    isDevice,
  );
  const question = {
    protocol,
    version: FIRST_VERSION,
    payload: JSON.stringify(model === undefined ? rest : { ...body, model }),
    model,
    onlyDevice,
    // What is to come whole is silent as long as the model writes.
    ...(body["stream"] === true ? {} : { timeoutMs: CAPABILITY_WAITS.allMs }),
  };
  const gone = new AbortController();
  const replies = ask(question, AbortSignal.any([left, gone.signal]));
  const { value: first } = await replies.next();
  if (first === undefined) throw new MusterError("internal", "the answer has no beginning");
  if (first.type === "capability_response") return whole(first);
  return streamed(first, replies, gone);
}

function whole(reply: CapabilityReply & { type: "capability_response" }): Response {
  if (reply.error !== undefined) throw errorOf(reply.error);
  return new Response(reply.payload ?? "null", {
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store", ...servedBy(reply) },
  });
}

/** Server-sent events (html.spec.whatwg.org, 9.2), each the JSON of a part, then `[DONE]`. */
function streamed(
  first: CapabilityReply,
  replies: AsyncGenerator<CapabilityReply>,
  gone: AbortController,
): Response {
  const encoder = new TextEncoder();
  let next: CapabilityReply | undefined = first;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const reply = next ?? (await nextOf(replies));
        next = undefined;
        if (reply.type === "capability_part") {
          return controller.enqueue(encoder.encode(`data: ${oneLine(reply.data)}\n\n`));
        }
        const end = reply.error === undefined ? "[DONE]" : JSON.stringify(openAiError(errorOf(reply.error)));
        controller.enqueue(encoder.encode(`data: ${end}\n\n`));
        controller.close();
      },
      // Either waits for a reply or holds one.
      async cancel() {
        gone.abort();
        await replies.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { ...STREAM_HEADERS, ...servedBy(first) } });
}

/** Who goes, or what breaks, ends the stream with what went wrong: its status is long sent. */
async function nextOf(replies: AsyncGenerator<CapabilityReply>): Promise<CapabilityReply> {
  const lost = (error: MusterError): CapabilityReply => ({
    type: "capability_response",
    request_id: "",
    error: error.toJSON(),
  });
  try {
    const { value } = await replies.next();
    return value ?? lost(new MusterError("unavailable", "the answer broke off"));
  } catch (error) {
    return lost(publicError(error));
  }
}

/** JSON has no line breaks outside its texts, where they are escaped; a device may have written them all the same. */
function oneLine(data: string): string {
  return data.replaceAll(/[\r\n]/g, "");
}

function servedBy({ from_device: device }: CapabilityReply): Record<string, string> {
  return device !== undefined && /^[\x21-\x7e]+$/.test(device) ? { [DEVICE_HEADER]: device } : {};
}

/** The models of all devices, each once. */
export function listModels(
  devices: readonly { name: string; capabilities: readonly CapabilityOffer[] }[],
): Response {
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
  const data = [...owners]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([id, names]) => ({ id, object: "model", created: 0, owned_by: names.join(", ") }));
  return Response.json({ object: "list", data }, { headers: { "Cache-Control": "no-store" } });
}

/** As OpenAI's clients read it, with our code and hint. */
export function openAiRefusal(error: unknown): Response {
  const refusal = publicError(error);
  const headers = { "Cache-Control": "no-store" };
  return Response.json(openAiError(refusal), { status: statusOf(refusal), headers });
}

function openAiError({ code, message, hint }: MusterError): object {
  const type = code === "unauthorized" ? "authentication_error" : "invalid_request_error";
  return {
    error: { message: hint === undefined ? message : `${message} (${hint})`, type, code, param: null },
  };
}

/** Clients try 503 again, which a missing model does not cure. */
function statusOf({ code, status }: MusterError): number {
  return code === "no_device" ? 404 : status;
}

function errorOf(error: { code: string; message: string; hint?: string | undefined }): MusterError {
  const code = isErrorCode(error.code) ? error.code : "internal";
  return new MusterError(code, error.message, error.hint === undefined ? {} : { hint: error.hint });
}
