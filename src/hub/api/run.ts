// One request through one route: is the host right, does it come from where it may, who is it, then the
// handler, and whatever happens an answer with its headers.
import { MusterError, publicError } from "../../protocol/errors.ts";
import { isOpenAiPath, noProgramKey, openAiRefusal } from "../../protocol/openai-refusal.ts";
import { type Action, demand, kindsFor } from "../../protocol/permissions.ts";
import { actorOf } from "./actor.ts";
import { refusalJson, refusalPage } from "./answers.ts";
import { guardOrigin, isFromHere, isNavigation } from "./origin-guard.ts";
import { retryAfterSeconds } from "./hold-back.ts";
import { pageOriginAt } from "./page-place.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";
import { readJson } from "./read-json.ts";
import type { Call, Route } from "./route.ts";
import { wayToThePage } from "./way-to-page.ts";

export async function run(
  parts: ApiParts,
  found: Route,
  incoming: { request: Request; facts: RequestFacts },
): Promise<Response> {
  try {
    return await answer(parts, found, incoming);
  } catch (error) {
    return refuse(parts, error, { facts: incoming.facts, as: formOf(found, incoming.request) });
  }
}

/** How a refusal is told: to a program, to a person in a browser, or to a client of OpenAI's format. */
export type RefusalForm = "json" | "page" | "openai";

function formOf({ html }: Route, request: Request): RefusalForm {
  if (isOpenAiPath(new URL(request.url).pathname)) return "openai";
  return html === true && isNavigation(request) ? "page" : "json";
}

/** The answer for anything that was thrown. What is not ours to tell is logged whole and told as nothing. */
export function refuse(
  { log }: Pick<ApiParts, "log">,
  error: unknown,
  { facts, as }: { facts: RequestFacts; as: RefusalForm },
): Response {
  const shown = publicError(error);
  if (shown.code === "internal") log.error("a request failed", { request_id: facts.requestId, error });
  const response = REFUSALS[as](shown);
  const seconds = retryAfterSeconds(shown);
  if (seconds !== undefined) response.headers.set("Retry-After", String(seconds));
  return response;
}

const REFUSALS: Record<RefusalForm, (error: MusterError) => Response> = {
  json: refusalJson,
  page: refusalPage,
  // "Sign in" is nothing that a program could do.
  openai: (error) => openAiRefusal(error.code === "unauthorized" ? noProgramKey() : error),
};

async function answer(
  parts: ApiParts,
  found: Route,
  incoming: { request: Request; facts: RequestFacts },
): Promise<Response> {
  const { request, facts } = incoming;
  const url = new URL(request.url);
  const pageOrigin = pageOriginAt(parts.addresses.pageOrigin(), url.host);
  if (found.at === "page" ? pageOrigin === undefined : !parts.addresses.isHubHost(url.host)) {
    // A person was sent to the hub by its URL, which need not be its page's.
    const shown = found.html === true && found.method === "GET" && isNavigation(request);
    if (shown && parts.addresses.isHubHost(url.host)) return wayToThePage(parts.addresses, url);
    throw notHere(parts.addresses.pageOrigin());
  }
  const caller = { pageOrigin, fromAnywhere: found.fromAnywhere === true };
  // Any page that has a key may use these; what a browser adds by itself counts there for the hub's own page alone.
  if (!isOpenAiPath(url.pathname)) guardOrigin(request, caller);
  const cookieCounts = pageOrigin !== undefined && isFromHere(request, caller);
  const { action } = found;
  const actor = await actorOf(parts, request, { action, facts, cookieCounts });
  if (!kindsFor(action).includes(actor.kind)) demand(actor, action, undefined);
  let asked = false;
  const call: Call = {
    request,
    url,
    facts,
    actor,
    allow(resource) {
      asked = true;
      return demand<Action, NonNullable<typeof resource>>(actor, action, resource);
    },
    json: (shape) => readJson(request, shape, found.bodyMaxBytes),
  };
  const response = await found.answer(call);
  if (!asked) throw new Error(`${found.method} ${found.path} answered without asking whether it may`);
  return response;
}

function notHere(pageOrigin: string | undefined): MusterError {
  return new MusterError(
    "not_found",
    "that is not at this address",
    pageOrigin === undefined ? {} : { hint: `the hub's page is ${pageOrigin}` },
  );
}
