// What programs on this machine use of the fleet through the agent: models in the OpenAI format and any capability that
// computes, each with a key that the owner's log names, or as this user's own CLI. The agent checks the key by its own
// copy of the log and asks in its own name: the key itself goes nowhere.
import { z } from "zod";
import { apiKeySigner } from "../../identity/api-key.ts";
import type { Crypto } from "../../identity/crypto.ts";
import { coversCapability } from "../../identity/grant-covers.ts";
import type { Grant } from "../../identity/owner-log-state.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import {
  answerCapability,
  answerModels,
  listModels,
  MODEL_CALLS,
  openAiRefusal,
  type ModelProtocol,
  type ProgramAsker,
} from "../../protocol/program-gateway.ts";
import type { DeviceView } from "../../protocol/views.ts";
import type { Clock } from "../../world/world.ts";
import type { OwnerBook } from "../owner-book.ts";
import { readBody } from "./read-body.ts";

export interface ProgramCallsParts {
  clock: Clock;
  crypto: Crypto;
  book: Pick<OwnerBook, "log">;
  ask: ProgramAsker;
  /** As the hub last told, this one included. */
  devices(): Promise<readonly DeviceView[]>;
}

/** Undefined for a path that is none of theirs. `isOwner`: the token of this home was shown. */
export type ProgramCalls = (request: Request, isOwner: () => boolean) => Promise<Response> | undefined;

const BEARER = /^Bearer +([A-Za-z0-9_-]{1,200})$/i;
const CAPABILITIES = "/api/capabilities/";

export function programCalls(parts: ProgramCallsParts): ProgramCalls {
  return (request, isOwner) => {
    const url = new URL(request.url);
    const isModels = url.pathname.startsWith("/v1/");
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
  const grant = isOwner() ? undefined : grantOf(parts, request);
  const { signal: left } = request;
  if (url.pathname === "/v1/models") {
    demandMethod(request, "GET");
    if (grant !== undefined) demandCover(grant, "llm.chat");
    return listModels(
      (await parts.devices())
        .filter(({ status }) => status === "online")
        .map(({ name, capabilities = [] }) => ({ name, capabilities })),
    );
  }
  demandMethod(request, "POST");
  const ask: ProgramAsker = (question, gone) => {
    if (grant !== undefined) demandCover(grant, question.protocol);
    return parts.ask(question, gone);
  };
  const protocol = modelProtocol(url.pathname);
  if (protocol !== undefined) {
    const body = await readBody(request, z.record(z.string(), z.unknown()), RELAY_MESSAGE_MAX_BYTES);
    return answerModels(ask, { protocol, body, left });
  }
  if (!url.pathname.startsWith(CAPABILITIES)) throw new MusterError("not_found", "there is no such call");
  const payload: unknown = await readBody(request, z.json(), RELAY_MESSAGE_MAX_BYTES);
  return Response.json(await answerCapability(ask, { url, payload, left }), {
    headers: { "Cache-Control": "no-store" },
  });
}

function modelProtocol(path: string): ModelProtocol | undefined {
  return Object.entries(MODEL_CALLS).find(([known]) => known === path)?.[1];
}

function grantOf({ crypto, book, clock }: ProgramCallsParts, { headers }: Request): Grant {
  const token = BEARER.exec(headers.get("authorization") ?? "")?.[1] ?? "";
  const publicKey = apiKeySigner(crypto, token)?.publicKey;
  const grant = publicKey === undefined ? undefined : book.log?.grantOf(publicKey, clock.now());
  if (grant?.holder === "program") {
    if (grant.devices === null) return grant;
    // The agent asks in its own name, for which every device may serve.
    throw new MusterError("forbidden", "this key is for some devices alone", {
      hint: "use it at the hub, where each device sees the key itself",
    });
  }
  throw new MusterError("unauthorized", "this takes a key of a program", {
    hint: "make one: muster key create NAME",
  });
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
