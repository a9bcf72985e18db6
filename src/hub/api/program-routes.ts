// What programs use of the fleet by HTTP, each with a key that its owner's log names: models in the OpenAI format, and
// any capability that computes. The key signs each request while it is under way; the hub keeps none of it.
import { z } from "zod";
import { coveredModels, coversCapability } from "../../identity/grant-covers.ts";
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { answerModelList, MODELS_PATH } from "../../protocol/model-list.ts";
import { CAPABILITY_REQUEST_MAX_BYTES, RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import type { ActorOf } from "../../protocol/actors.ts";
import {
  answerCapability,
  answerModels,
  MODEL_CALLS,
  type ModelCall,
  type ProgramAsker,
  type ProgramQuestion,
} from "../../protocol/program-gateway.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import { signCapabilityRequest } from "../../identity/capability-request.ts";
import { Places } from "../calls/places.ts";
import { askedReplies } from "../calls/asked-replies.ts";
import { programSigner } from "./actor.ts";
import { json } from "./answers.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

/** Bodies of one key that are longer than others, while they are read. */
const LARGE_MAX = 4;

export function programRoutes(parts: ApiParts): Route[] {
  const large = new Places(LARGE_MAX, "large requests of this key");
  return [
    ...[...MODEL_CALLS].map(([path, call]) => modelRoute({ ...parts, large }, path, call)),
    modelListRoute(parts, MODELS_PATH),
    modelListRoute(parts, `${MODELS_PATH}/*`),
    route<"capability.use">({
      method: "POST",
      path: "/api/capabilities/:protocol",
      action: "capability.use",
      at: "hub",
      bodyMaxBytes: CAPABILITY_REQUEST_MAX_BYTES,
      answer: (call) => useCapability({ ...parts, large }, call),
    }),
  ];
}

function modelListRoute(parts: ApiParts, path: string): Route {
  return route<"models.use">({
    method: "GET",
    path,
    action: "models.use",
    at: "hub",
    answer(call) {
      const actor = allowed(call);
      // Also where no device is there.
      coveredModels(actor, []);
      const { devices } = parts.fleet.viewOf([actor.ownerRoot]);
      const owners = devices
        .filter(({ status }) => status === "online")
        .map(({ name, capabilities = [] }) => ({ name, capabilities: coveredModels(actor, capabilities) }));
      return answerModelList(owners, call.url.pathname);
    },
  });
}

type ProgramParts = ApiParts & { large: Places };

function modelRoute(parts: ProgramParts, path: string, asked: ModelCall): Route {
  return route<"models.use">({
    method: "POST",
    path,
    action: "models.use",
    at: "hub",
    bodyMaxBytes: CAPABILITY_REQUEST_MAX_BYTES,
    async answer(call) {
      const actor = allowed(call);
      const body = await bodyOf(parts, call, z.record(z.string(), z.unknown()));
      const ask = askerFor(parts, call, actor);
      const { headers, signal: left } = call.request;
      const isDevice = (name: string): boolean =>
        parts.fleet.viewOf([actor.ownerRoot]).devices.some((device) => device.name === name);
      return answerModels(ask, { call: asked, body, headers, isDevice, timers: parts.timers, left });
    },
  });
}

/** The body is the payload. */
async function useCapability(parts: ProgramParts, call: Call<"capability.use">): Promise<Response> {
  const ask = askerFor(parts, call, allowed(call));
  const payload: unknown = await bodyOf(parts, call, z.json());
  return json(await answerCapability(ask, { url: call.url, payload, left: call.request.signal }));
}

/** Throws `too_many` for one more that is long, or does not say how long it is. */
async function bodyOf<Shape extends z.ZodType>(
  { large }: ProgramParts,
  call: Call<"models.use"> | Call<"capability.use">,
  shape: Shape,
): Promise<z.infer<Shape>> {
  const length = Number(call.request.headers.get("content-length") ?? Number.NaN);
  if (length <= RELAY_MESSAGE_MAX_BYTES) return call.json(shape);
  const giveBack = large.take(allowed(call).key);
  try {
    return await call.json(shape);
  } finally {
    giveBack();
  }
}

function askerFor(parts: ApiParts, call: Pick<Call, "request">, actor: ActorOf<"program">): ProgramAsker {
  return (question, left) => repliesFor(parts, call, { ...question, actor, left });
}

async function* repliesFor(
  parts: ApiParts,
  { request: http }: Pick<Call, "request">,
  question: ProgramQuestion & { actor: ActorOf<"program">; left: AbortSignal },
): AsyncGenerator<CapabilityReply> {
  const { crypto, clock, capabilities } = parts;
  const { protocol, version, payload, model, onlyDevice, preferDevice, timeoutMs, actor, left } = question;
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
    ...(onlyDevice === undefined ? {} : { only_device: onlyDevice }),
    ...(preferDevice === undefined ? {} : { prefer_device: preferDevice }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  };
  // Whether this key may ask at all was looked at by the route.
  yield* askedReplies<CapabilityReply>(
    (events) => capabilities.ask({ actor: undefined, caller: actor.key, request }, events),
    (reply) => reply.type === "capability_response",
    left,
  );
}

function allowed(call: Call<"models.use"> | Call<"capability.use">): ActorOf<"program"> {
  const { actor } = call;
  const root = actor.kind === "program" ? actor.ownerRoot : undefined;
  call.allow(root === undefined ? undefined : { kind: "owner", root });
  if (actor.kind !== "program") throw new Error("only a program is let through by these rows");
  return actor;
}
