// What programs use of the fleet by HTTP, each with a key that its owner's log names: models in the OpenAI format, and
// any capability that computes. The key signs each request while it is under way; the hub keeps none of it.
import { z } from "zod";
import { coversCapability } from "../../identity/grant-covers.ts";
import { CAPABILITY_WAITS, type CapabilityReply } from "../../protocol/capability-messages.ts";
import { capabilityProtocol, capabilityVersion } from "../../protocol/capabilities.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import type { ActorOf } from "../../protocol/permissions.ts";
import { answerModels, listModels, openAiRefusal, type ModelQuestion } from "../../protocol/v1-gateway.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import { signCapabilityRequest } from "../../identity/capability-request.ts";
import { askedReplies } from "../calls/asked-replies.ts";
import { programSigner } from "./actor.ts";
import { json } from "./answers.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

const FIRST_VERSION = "1.0.0";
const asked = z.strictObject({
  version: capabilityVersion.default(FIRST_VERSION),
  prefer_device: z.string().min(1).max(64).optional(),
  timeout_ms: z.coerce.number().int().min(1).max(CAPABILITY_WAITS.allMs).optional(),
});

export function programRoutes(parts: ApiParts): Route[] {
  return [
    modelRoute(parts, "/v1/chat/completions", "llm.chat"),
    modelRoute(parts, "/v1/embeddings", "embeddings"),
    route<"models.use">({
      method: "GET",
      path: "/v1/models",
      action: "models.use",
      at: "hub",
      answer(call) {
        const { ownerRoot } = allowed(call);
        const devices = parts.fleet.viewOf([ownerRoot]).devices.filter(({ status }) => status === "online");
        return listModels(devices.map(({ name, capabilities = [] }) => ({ name, capabilities })));
      },
    }),
    route<"capability.use">({
      method: "POST",
      path: "/api/capabilities/:protocol",
      action: "capability.use",
      at: "hub",
      bodyMaxBytes: RELAY_MESSAGE_MAX_BYTES,
      answer: (call) => useCapability(parts, call),
    }),
  ];
}

function modelRoute(parts: ApiParts, path: string, protocol: ModelQuestion["protocol"]): Route {
  return route<"models.use">({
    method: "POST",
    path,
    action: "models.use",
    at: "hub",
    bodyMaxBytes: RELAY_MESSAGE_MAX_BYTES,
    async answer(call) {
      const actor = allowed(call);
      try {
        const body = await call.json(z.record(z.string(), z.unknown()));
        const ask = (question: ModelQuestion, left: AbortSignal): AsyncGenerator<CapabilityReply> =>
          repliesFor(parts, call, { ...question, actor, version: FIRST_VERSION, left });
        return await answerModels(ask, { protocol, body, left: call.request.signal });
      } catch (error) {
        return openAiRefusal(error);
      }
    },
  });
}

/** The body is the payload. The answer has what came before its end as `parts`, where anything did. */
async function useCapability(parts: ApiParts, call: Call<"capability.use">): Promise<Response> {
  const actor = allowed(call);
  const protocol = capabilityProtocol.safeParse(call.url.pathname.split("/").at(-1));
  const options = asked.safeParse(Object.fromEntries(call.url.searchParams));
  if (!protocol.success || !options.success) {
    throw new MusterError("bad_request", "the address names no capability, or its query does not fit", {
      hint: "as in /api/capabilities/embeddings?version=1.0.0&prefer_device=gpu&timeout_ms=30000",
    });
  }
  const payload = JSON.stringify(await call.json(z.json()));
  const { version, prefer_device: preferDevice, timeout_ms: timeoutMs } = options.data;
  const question = { protocol: protocol.data, payload, model: undefined, version, preferDevice, timeoutMs };
  const before: unknown[] = [];
  const left = call.request.signal;
  for await (const reply of repliesFor(parts, call, { ...question, actor, left })) {
    if (reply.type === "capability_part") before.push(JSON.parse(reply.data));
    else if (reply.error !== undefined) {
      const { code, message, hint } = reply.error;
      throw new MusterError(code, message, hint === undefined ? {} : { hint });
    } else {
      const answer: unknown = JSON.parse(reply.payload ?? "null");
      const all = before.length === 0 ? {} : { parts: before };
      return json({ from_device: reply.from_device ?? "", payload: answer, ...all });
    }
  }
  throw new MusterError("unavailable", "the answer broke off");
}

interface ProgramQuestion {
  protocol: string;
  version: string;
  /** JSON text. */
  payload: string;
  model: string | undefined;
  preferDevice?: string | undefined;
  timeoutMs?: number | undefined;
  actor: ActorOf<"program">;
  left: AbortSignal;
}

async function* repliesFor(
  parts: ApiParts,
  { request: http }: Pick<Call, "request">,
  question: ProgramQuestion,
): AsyncGenerator<CapabilityReply> {
  const { crypto, clock, capabilities } = parts;
  const { protocol, version, payload, model, preferDevice, timeoutMs, actor, left } = question;
  if (!coversCapability(actor, protocol)) {
    throw new MusterError("forbidden", `this key may not use ${protocol}`, {
      hint: `make one that may: muster key create NAME --scope capabilities:${protocol}`,
    });
  }
  const signed = await signCapabilityRequest(
    {
      log: actor.ownerRoot,
      requestId: uuidV7(clock.now(), crypto.randomBytes(10)),
      capability: { protocol, version },
      payload,
    },
    crypto,
    programSigner(parts, http),
  );
  const request = {
    ...signed,
    ...(model === undefined ? {} : { model }),
    ...(preferDevice === undefined ? {} : { prefer_device: preferDevice }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  };
  // Whether this key may ask at all was looked at by the route.
  yield* askedReplies(capabilities, { actor: undefined, caller: actor.key, request }, left);
}

function allowed(call: Call<"models.use"> | Call<"capability.use">): ActorOf<"program"> {
  const { actor } = call;
  const root = actor.kind === "program" ? actor.ownerRoot : undefined;
  call.allow(root === undefined ? undefined : { kind: "owner", root });
  if (actor.kind !== "program") throw new Error("only a program is let through by these rows");
  return actor;
}
