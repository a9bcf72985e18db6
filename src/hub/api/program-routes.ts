// What programs use of the fleet by HTTP, each with a key that its owner's log names: models in the OpenAI format, and
// any capability that computes. The key signs each request while it is under way; the hub keeps none of it.
import { z } from "zod";
import { coveredModels, coversCapability } from "../../identity/grant-covers.ts";
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { answerModelList, MODELS_PATH } from "../../protocol/model-list.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
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
import { askedReplies } from "../calls/asked-replies.ts";
import { programSigner } from "./actor.ts";
import { json } from "./answers.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

export function programRoutes(parts: ApiParts): Route[] {
  return [
    ...[...MODEL_CALLS].map(([path, call]) => modelRoute(parts, path, call)),
    modelListRoute(parts, MODELS_PATH),
    modelListRoute(parts, `${MODELS_PATH}/*`),
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

function modelRoute(parts: ApiParts, path: string, asked: ModelCall): Route {
  return route<"models.use">({
    method: "POST",
    path,
    action: "models.use",
    at: "hub",
    bodyMaxBytes: RELAY_MESSAGE_MAX_BYTES,
    async answer(call) {
      const actor = allowed(call);
      const body = await call.json(z.record(z.string(), z.unknown()));
      const ask = askerFor(parts, call, actor);
      const { headers, signal: left } = call.request;
      const isDevice = (name: string): boolean =>
        parts.fleet.viewOf([actor.ownerRoot]).devices.some((device) => device.name === name);
      return answerModels(ask, { call: asked, body, headers, isDevice, timers: parts.timers, left });
    },
  });
}

/** The body is the payload. */
async function useCapability(parts: ApiParts, call: Call<"capability.use">): Promise<Response> {
  const ask = askerFor(parts, call, allowed(call));
  const payload: unknown = await call.json(z.json());
  return json(await answerCapability(ask, { url: call.url, payload, left: call.request.signal }));
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
