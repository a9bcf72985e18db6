// What programs and persons use of the fleet by HTTP: models in the OpenAI format, and any capability that computes.
import { z } from "zod";
import { answerModelList, MODELS_PATH } from "../../protocol/model-list.ts";
import { CAPABILITY_REQUEST_MAX_BYTES, RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import {
  answerCapability,
  answerModels,
  MODEL_CALLS,
  type ModelCall,
} from "../../protocol/program-gateway.ts";
import { Places } from "../calls/places.ts";
import { json } from "./answers.ts";
import { allowedAsker, type AskerCall, askFor, modelsFor } from "./capability-askers.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

const modelBody = z.record(z.string(), z.unknown());
const anyJson = z.json();
/** Bodies of one key that are longer than others, while they are read. */
const LARGE_MAX = 4;

export function programRoutes(parts: ApiParts): Route[] {
  const large = new Places(LARGE_MAX, "large requests of this key or person");
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
    answer: (call) => answerModelList(modelsFor(parts, allowedAsker(call)), call.url.pathname),
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
      const asker = allowedAsker(call);
      const body = await bodyOf(parts, call, modelBody);
      const ask = askFor(parts, call, asker);
      const { headers, signal: left } = call.request;
      const isDevice = (name: string): boolean =>
        parts.fleet.viewOf([asker.ownerRoot]).devices.some((device) => device.name === name);
      return answerModels(ask, { call: asked, body, headers, isDevice, timers: parts.timers, left });
    },
  });
}

/** The body is the payload. */
async function useCapability(parts: ProgramParts, call: Call<"capability.use">): Promise<Response> {
  const ask = askFor(parts, call, allowedAsker(call));
  const payload: unknown = await bodyOf(parts, call, anyJson);
  return json(await answerCapability(ask, { url: call.url, payload, left: call.request.signal }));
}

/** Throws `too_many` for one more that is long, or does not say how long it is. */
async function bodyOf<Shape extends z.ZodType>(
  { large }: ProgramParts,
  call: AskerCall,
  shape: Shape,
): Promise<z.infer<Shape>> {
  const length = Number(call.request.headers.get("content-length") ?? Number.NaN);
  if (length <= RELAY_MESSAGE_MAX_BYTES) return call.json(shape);
  const giveBack = large.take(allowedAsker(call).key);
  try {
    return await call.json(shape);
  } finally {
    giveBack();
  }
}
