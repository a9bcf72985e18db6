// What programs on this machine use of the fleet through the agent: models in the OpenAI format and any capability that
// computes, each with a key that the owner's log names, or as this user's own CLI. The agent checks the key by its own
// copy of the log; the key signs each request while it is under way, so that every device judges it and not the agent.
import { z } from "zod";
import { apiKeySigner } from "../../identity/api-key.ts";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { coveredModels, coversCapability } from "../../identity/grant-covers.ts";
import type { Grant } from "../../identity/owner-log-state.ts";
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { answerModelList, MODELS_PATH } from "../../protocol/model-list.ts";
import { isOpenAiPath, noOpenAiCall, noProgramKey, openAiRefusal } from "../../protocol/openai-refusal.ts";
import { CAPABILITY_REQUEST_MAX_BYTES } from "../../protocol/limits.ts";
import {
  answerCapability,
  answerModels,
  MODEL_CALLS,
  type ProgramAsker,
  type ProgramQuestion,
} from "../../protocol/program-gateway.ts";
import type { DeviceView } from "../../protocol/views.ts";
import type { Clock, Timers } from "../../world/world.ts";
import type { OwnerBook } from "../owner-book.ts";
import { readBody } from "./read-body.ts";

export interface ProgramCallsParts {
  clock: Clock;
  timers: Pick<Timers, "after">;
  crypto: Crypto;
  book: Pick<OwnerBook, "log">;
  /** In the name of a program's key, or without one of this home. */
  ask(
    question: ProgramQuestion,
    left: AbortSignal,
    signer: Signer | undefined,
  ): AsyncGenerator<CapabilityReply>;
  /** As the hub last told, this one included. */
  devices(): Promise<readonly DeviceView[]>;
}

/** Undefined for a path that is none of theirs. `isOwner`: the token of this home was shown. */
export type ProgramCalls = (request: Request, isOwner: () => boolean) => Promise<Response> | undefined;

const BEARER = /^Bearer +([A-Za-z0-9_-]{1,200})$/i;
const CAPABILITIES = "/api/capabilities/";
const modelBody = z.record(z.string(), z.unknown());
const anyJson = z.json();

export function programCalls(parts: ProgramCallsParts): ProgramCalls {
  return (request, isOwner) => {
    const url = new URL(request.url);
    const isModels = isOpenAiPath(url.pathname);
    if (!isModels && !url.pathname.startsWith(CAPABILITIES)) return undefined;
    const answered = answer(parts, request, { url, isOwner });
    return isModels ? answered.catch(openAiRefusal) : answered;
  };
}

async function answer(
  parts: ProgramCallsParts,
  request: Request,
  { url, isOwner }: { url: URL; isOwner: () => boolean },
): Promise<Response> {
  const { grant, signer } = isOwner() ? NO_PROGRAM : programOf(parts, request);
  const { signal: left } = request;
  if (url.pathname === MODELS_PATH || url.pathname.startsWith(`${MODELS_PATH}/`)) {
    demandMethod(request, "GET");
    const covered = (offers: readonly CapabilityOffer[]): readonly CapabilityOffer[] =>
      grant === undefined ? offers : coveredModels(grant, offers);
    covered([]);
    const here = (await parts.devices()).filter(({ status }) => status === "online");
    const owners = here.map(({ name, capabilities = [] }) => ({ name, capabilities: covered(capabilities) }));
    return answerModelList(owners, url.pathname);
  }
  const call = MODEL_CALLS.get(url.pathname);
  if (call === undefined && isOpenAiPath(url.pathname)) throw noOpenAiCall(request.method, url.pathname);
  demandMethod(request, "POST");
  const ask: ProgramAsker = (question, gone) => {
    if (grant !== undefined) demandCover(grant, question.protocol);
    return parts.ask(question, gone, signer);
  };
  if (call !== undefined) {
    const body = await readBody(request, modelBody, CAPABILITY_REQUEST_MAX_BYTES);
    const isDevice = async (name: string): Promise<boolean> =>
      (await parts.devices()).some((device) => device.name === name);
    const { headers } = request;
    return answerModels(ask, { call, body, headers, isDevice, timers: parts.timers, left });
  }
  const payload: unknown = await readBody(request, anyJson, CAPABILITY_REQUEST_MAX_BYTES);
  return Response.json(await answerCapability(ask, { url, payload, left }), {
    headers: { "Cache-Control": "no-store" },
  });
}

/** Of a program whose key lets it publish on the machine that it runs on. */
export function publishesWith(
  parts: Pick<ProgramCallsParts, "crypto" | "book" | "clock">,
): (request: Request) => boolean {
  return (request) => grantIn(parts, request)?.grant.scopes.includes("share") === true;
}

interface Program {
  grant: Grant | undefined;
  signer: Signer | undefined;
}

/** This user's own shell asks as this home. */
const NO_PROGRAM: Program = { grant: undefined, signer: undefined };

function programOf(parts: ProgramCallsParts, request: Request): Program {
  const found = grantIn(parts, request);
  if (found === undefined) throw noProgramKey();
  return found;
}

function grantIn(
  { crypto, book, clock }: Pick<ProgramCallsParts, "crypto" | "book" | "clock">,
  { headers }: Request,
): { grant: Grant; signer: Signer } | undefined {
  const token = BEARER.exec(headers.get("authorization") ?? "")?.[1] ?? "";
  const signer = apiKeySigner(crypto, token);
  const grant = signer === undefined ? undefined : book.log?.grantOf(signer.publicKey, clock.now());
  return signer !== undefined && grant?.holder === "program" ? { grant, signer } : undefined;
}

function demandCover(grant: Grant, protocol: string): void {
  if (coversCapability(grant, protocol)) return;
  throw new MusterError("forbidden", `this key may not use ${protocol}`, {
    hint: `make one that may: muster key create NAME --scope capabilities:${protocol}`,
  });
}

function demandMethod({ method }: Request, wanted: "GET" | "POST"): void {
  if (method === wanted) return;
  throw new MusterError("method_not_allowed", `${method} is not how this is called`);
}
