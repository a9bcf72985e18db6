// Who asks by HTTP for what computes. A program's key signs each request while it is under way; for a person who is
// signed in the hub asks by its own word, of the devices of that owner that allow it. The hub keeps nothing of either.
import { signCapabilityRequest } from "../../identity/capability-request.ts";
import { coveredModels, coversCapability } from "../../identity/grant-covers.ts";
import type { ActorOf } from "../../protocol/actors.ts";
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ModelOwner } from "../../protocol/model-list.ts";
import type { ProgramAsker, ProgramQuestion } from "../../protocol/program-gateway.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import { askedReplies } from "../calls/asked-replies.ts";
import type { Ask } from "../calls/capability-desk.ts";
import { programSigner } from "./actor.ts";
import { allowedRoots } from "./allowed-roots.ts";
import type { ApiParts } from "./ports.ts";
import type { Call } from "./route.ts";

export interface Asker {
  ownerRoot: string;
  /** Whose places its requests take. */
  key: string;
  /** Undefined for a person. */
  program: ActorOf<"program"> | undefined;
}

export type AskerCall = Call<"models.use"> | Call<"capability.use">;

/** Throws what is answered to anybody else. */
export function allowedAsker(call: AskerCall): Asker {
  const { actor } = call;
  const [ownerRoot] = allowedRoots(call);
  if (ownerRoot === undefined) throw new Error("whoever is let through has an owner log");
  if (actor.kind === "program") return { ownerRoot, key: actor.key, program: actor };
  if (actor.kind === "person" || actor.kind === "account") {
    return { ownerRoot, key: `person ${actor.userId}`, program: undefined };
  }
  throw new Error("only programs and persons are let through by these rows");
}

/** The devices that are here, with the models of theirs that may be asked for. Throws `forbidden` for never any. */
export function modelsFor({ fleet }: ApiParts, { ownerRoot, program }: Asker): ModelOwner[] {
  // Also where no device is there.
  if (program !== undefined) coveredModels(program, []);
  const here = fleet.viewOf([ownerRoot]).devices.filter(({ status }) => status === "online");
  const asked = program === undefined ? here.filter(({ shared }) => shared !== true) : here;
  return asked.map(({ name, capabilities = [] }) => ({
    name,
    capabilities: program === undefined ? capabilities : coveredModels(program, capabilities),
  }));
}

export function askFor(parts: ApiParts, call: Pick<Call, "request">, asker: Asker): ProgramAsker {
  return (question, left) => repliesFor(parts, call, { ...question, asker, left });
}

async function* repliesFor(
  parts: ApiParts,
  call: Pick<Call, "request">,
  question: ProgramQuestion & { asker: Asker; left: AbortSignal },
): AsyncGenerator<CapabilityReply> {
  const { model, onlyDevice, preferDevice, timeoutMs, asker, left } = question;
  const request = {
    ...(await requestOf(parts, call, question)),
    ...(model === undefined ? {} : { model }),
    ...(onlyDevice === undefined ? {} : { only_device: onlyDevice }),
    ...(preferDevice === undefined ? {} : { prefer_device: preferDevice }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  };
  // Whether this key may ask at all was looked at by the route.
  yield* askedReplies<CapabilityReply>(
    (events) => parts.capabilities.ask({ actor: undefined, caller: asker.key, request }, events),
    (reply) => reply.type === "capability_response",
    left,
  );
}

async function requestOf(
  parts: ApiParts,
  { request: http }: Pick<Call, "request">,
  { protocol, version, payload, asker }: ProgramQuestion & { asker: Asker },
): Promise<Ask["request"]> {
  const { crypto, clock } = parts;
  const { program, ownerRoot: log } = asker;
  const requestId = uuidV7(clock.now(), crypto.randomBytes(10));
  const capability = { protocol, version };
  if (program === undefined) {
    return { type: "capability_request", request_id: requestId, capability, payload, log };
  }
  if (!coversCapability(program, protocol)) {
    throw new MusterError("forbidden", `this key may not use ${protocol}`, {
      hint: `make one that may: muster key create NAME --scope capabilities:${protocol}`,
    });
  }
  return signCapabilityRequest({ log, requestId, capability, payload }, crypto, programSigner(parts, http));
}
