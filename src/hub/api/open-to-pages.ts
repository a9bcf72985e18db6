// Which calls pages of other sites may make (fetch.spec.whatwg.org, 3.2): those in OpenAI's format, since they go by a
// key that the page must have, and never by a cookie. All others answer no browser but the hub's own page.
import { isOpenAiPath } from "../../protocol/openai-refusal.ts";

const FROM_ANYWHERE = { "Access-Control-Allow-Origin": "*" } as const;
const PREFLIGHT = {
  ...FROM_ANYWHERE,
  "Access-Control-Allow-Methods": "GET, POST",
  // The star stands for all but this one. Clients send many that tell of themselves.
  "Access-Control-Allow-Headers": "Authorization, *",
  "Access-Control-Max-Age": "600",
} as const;
const READABLE = "Muster-Device, Muster-Request-Id, Retry-After";

/** The answer to what a browser asks before such a call; undefined for all else. */
export function preflight({ method, url, headers }: Request): Response | undefined {
  if (method !== "OPTIONS" || !headers.has("access-control-request-method")) return undefined;
  if (!isOpenAiPath(new URL(url).pathname)) return undefined;
  return new Response(null, { status: 204, headers: PREFLIGHT });
}

export function openToPages({ url, headers: asked }: Request, response: Response): Response {
  if (!asked.has("origin") || !isOpenAiPath(new URL(url).pathname)) return response;
  response.headers.set("Access-Control-Allow-Origin", FROM_ANYWHERE["Access-Control-Allow-Origin"]);
  response.headers.set("Access-Control-Expose-Headers", READABLE);
  return response;
}
