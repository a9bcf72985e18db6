// The hub's HTTP API, put together: every route in one list, looked up by Hono, each answered through `run`.
// It is built once the authorization table has a row for all of them, and knows nothing of sockets.
import { Hono } from "hono";
import { MusterError } from "../../protocol/errors.ts";
import { isOpenAiPath, noOpenAiCall } from "../../protocol/openai-refusal.ts";
import { assertComplete, everyRow } from "../../protocol/permissions.ts";
import { downloadRoutes } from "../downloads/routes.ts";
import { RateLimiter } from "../rate-limit.ts";
import { accessRoutes } from "./access-routes.ts";
import { accountRoutes } from "./account-routes.ts";
import { deviceFlowRoutes } from "./device-flow-routes.ts";
import { deviceLifeRoutes } from "./device-life-routes.ts";
import { deviceRoutes } from "./device-routes.ts";
import { factsRoutes } from "./facts-routes.ts";
import { fleetRoutes } from "./fleet-routes.ts";
import { loginRoute } from "./login-route.ts";
import { programRoutes } from "./program-routes.ts";
import { shareClaimRoute } from "./share-claim-route.ts";
import { serviceRoutes } from "./service-routes.ts";
import { queryRoutes } from "./query-routes.ts";
import { setupRoutes } from "./setup-routes.ts";
import { pageClaimRoutes } from "./page-claim-routes.ts";
import { openToPages, preflight } from "./open-to-pages.ts";
import { pageRoute } from "./page-route.ts";
import type { Api, ApiParts, RequestFacts } from "./ports.ts";
import type { Route } from "./route.ts";
import { refuse, run } from "./run.ts";

/** Claims, sign-ins and login links of one source, together: each of them tries a secret. */
const ENTRIES_PER_MINUTE = 10;

interface Environment {
  Bindings: { facts: RequestFacts };
}

/** Throws when a route has no row in the authorization table, or another one than it says. */
export function createApi(parts: ApiParts): Api {
  const routes = allRoutes(parts);
  const names = routes.map(nameOf);
  assertComplete({ routes: names, messages: [] });
  checkActions(routes);

  const app = new Hono<Environment>({ strict: true });
  for (const found of routes) {
    app.on(found.method, found.path, async (context) => {
      const { facts } = context.env;
      const { raw: request } = context.req;
      const refused = found.path === "/*" ? refusedByPath(routes, request) : undefined;
      const response =
        refused === undefined
          ? await measured(parts, found, { request, facts })
          : answerRefusal(parts, refused, { request, facts });
      return withLength(request, response);
    });
  }
  app.notFound((context) => {
    const refused = refusedByPath(routes, context.req.raw) ?? methodRefusal(["GET", "HEAD"]);
    const { raw: request } = context.req;
    return withLength(request, answerRefusal(parts, refused, { request, facts: context.env.facts }));
  });
  app.onError((error, context) => refuse(parts, error, { facts: context.env.facts, as: "json" }));

  return {
    routes: names,
    async fetch(request, facts) {
      const response = preflight(request) ?? openToPages(request, await app.fetch(request, { facts }));
      return stamped(response, { requestId: facts.requestId, now: parts.clock.now() });
    },
  };
}

async function measured(
  parts: ApiParts,
  found: Route,
  incoming: { request: Request; facts: RequestFacts },
): Promise<Response> {
  const startedMs = parts.clock.monotonic();
  const response = await run(parts, found, incoming);
  const passedMs = parts.clock.monotonic() - startedMs;
  const { status } = response;
  const name = nameOf(found);
  const place = found.path === "/*" ? "page" : "api";
  parts.metrics.request({ place, route: name, status, seconds: passedMs / 1000 });
  parts.log.debug("answered", { route: name, status, ms: passedMs, request_id: incoming.facts.requestId });
  return response;
}

function allRoutes(parts: ApiParts): Route[] {
  const entries = new RateLimiter(parts.clock, {
    burst: parts.entriesPerMinute ?? ENTRIES_PER_MINUTE,
    refillMs: 60_000,
  });
  return [
    ...factsRoutes(parts),
    loginRoute(parts, entries),
    ...accountRoutes(parts, entries),
    ...deviceRoutes(parts, entries),
    shareClaimRoute(parts, entries),
    ...pageClaimRoutes(parts, entries),
    ...deviceFlowRoutes(parts, entries),
    ...setupRoutes(parts),
    ...deviceLifeRoutes(parts),
    ...fleetRoutes(parts),
    ...serviceRoutes(parts),
    ...programRoutes(parts),
    ...queryRoutes(parts),
    ...accessRoutes(parts),
    ...downloadRoutes(parts),
    pageRoute(parts),
  ];
}

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

function checkActions(routes: readonly Route[]): void {
  const rows = new Map(everyRow().map((row) => [row.name, row.action]));
  for (const found of routes) {
    if (rows.get(nameOf(found)) !== found.action)
      throw new Error(`${nameOf(found)} asks for another right than its row`);
  }
}

interface PathRefusal {
  error: MusterError;
  allow?: readonly string[];
}

/** For a path that is a call's, with another method, or that would be one's: the page has none of those. */
function refusedByPath(routes: readonly Route[], request: Request): PathRefusal | undefined {
  const { pathname } = new URL(request.url);
  const here = routes.filter(({ path }) => path === pathname);
  if (here.length > 0)
    return methodRefusal(here.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method])));
  if (isOpenAiPath(pathname)) return { error: noOpenAiCall(request.method, pathname) };
  if (!pathname.startsWith("/api/") && pathname !== "/api") return undefined;
  return { error: new MusterError("not_found", "there is no such call") };
}

function methodRefusal(allow: readonly string[]): PathRefusal {
  return { error: new MusterError("method_not_allowed", "that method is not for this address"), allow };
}

function answerRefusal(
  parts: ApiParts,
  { error, allow }: PathRefusal,
  { request, facts }: { request: Request; facts: RequestFacts },
): Response {
  const as = isOpenAiPath(new URL(request.url).pathname) ? "openai" : "json";
  const response = refuse(parts, error, { facts, as });
  if (allow !== undefined) response.headers.set("Allow", allow.join(", "));
  return response;
}

/** Hono answers HEAD with what GET would say and drops the body; without its length the server would say 0. */
async function withLength({ method }: Request, response: Response): Promise<Response> {
  if (method !== "HEAD" || response.body === null) return response;
  const { status, headers } = response;
  headers.set("Content-Length", String((await response.arrayBuffer()).byteLength));
  return new Response(null, { status, headers });
}

function stamped(response: Response, { requestId, now }: { requestId: string; now: number }): Response {
  const { headers } = response;
  headers.set("Date", new Date(now).toUTCString());
  headers.set("Muster-Request-Id", requestId);
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("X-Content-Type-Options", "nosniff");
  return response;
}
