// The agent's own HTTP server for the CLI: on loopback and, where its path is short enough, on a unix socket.
// Every tunnel ends on loopback too, so being there proves nothing: see local-guard.ts for who is let in.
import type { z } from "zod";
import { MusterError, publicError, systemCode } from "../../protocol/errors.ts";
import {
  LOCAL_API,
  type LocalCall,
  type LocalRequest,
  type LocalResponse,
  type StreamCall,
} from "../../protocol/local-api.ts";
import type { Log } from "../../protocol/log.ts";
import type { Listener, Network } from "../../world/world.ts";
import type { Metrics } from "../metrics.ts";
import { makeGuards, type Guards } from "./local-guard.ts";
import type { ProgramCalls } from "./program-calls.ts";
import { BODY_MAX_BYTES, readBody } from "./read-body.ts";

export const DEFAULT_PORT = 7575;
const PORT_TRIES = 100;
/** What carries more than words: a message, a script, a piece of input, a payload. */
const LARGE: ReadonlySet<LocalCall> = new Set([
  "send",
  "run",
  "order_input",
  "capability",
  "capability_order",
]);
/** A message of 1 MiB, as JSON writes text that is not all letters. */
const LARGE_MAX_BYTES = 2 * 1024 * 1024;
/** sun_path of a unix address holds 108 bytes, the last of which is NUL (unix(7)). */
const SOCKET_PATH_MAX_BYTES = 107;

/** `caller` is aborted when the caller goes before it has its answer. */
export type LocalHandlers = {
  [Name in Exclude<LocalCall, StreamCall>]: (
    request: LocalRequest<Name>,
    caller: AbortSignal,
  ) => Promise<LocalResponse<Name>>;
} & { [Name in StreamCall]: (request: LocalRequest<Name>) => ReadableStream<Uint8Array> };

export interface LocalServerOptions {
  network: Pick<Network, "serve">;
  log: Log;
  sha256(bytes: Uint8Array): Uint8Array;
  token: string;
  /** Exactly this one, 0 for any free one; else 7575 or the next that is free. */
  port?: number;
  /** A loopback address; 127.0.0.1 by default. */
  host?: string;
  socketPath: string;
  /** What `/health` says. */
  about: { pid: number; version: string };
  handlers: LocalHandlers;
  programs: ProgramCalls;
  /** A key was shown with which a program publishes. */
  publishes(request: Request): boolean;
  metrics: Metrics;
}

/** What such a key is good for, besides what `programs` answers. */
const PUBLISHING: ReadonlySet<LocalCall> = new Set(["add", "remove"]);

export interface LocalServer {
  readonly port: number;
  close(): void;
}

export async function serveLocalApi(options: LocalServerOptions): Promise<LocalServer> {
  const { network, socketPath, log } = options;
  let guards: Guards | undefined;
  const tcp = await listen(options, (request) => {
    // A port of 0 is known only once it is bound.
    guards ??= makeGuards({ ...options, port: tcp.port });
    return answer(options, guards, request);
  });
  const socketGuards = makeGuards({ ...options, port: 0 });
  let socket: Listener | undefined;
  if (new TextEncoder().encode(socketPath).length <= SOCKET_PATH_MAX_BYTES) {
    try {
      const address = { path: socketPath };
      socket = await network.serve({ address, fetch: (request) => answer(options, socketGuards, request) });
    } catch (error) {
      log.warn("no unix socket for the local API", { path: socketPath, error: String(error) });
    }
  }
  return {
    port: tcp.port,
    close() {
      tcp.close();
      socket?.close();
    },
  };
}

async function listen(
  { network, port, host = "127.0.0.1" }: LocalServerOptions,
  fetch: (request: Request) => Promise<Response>,
): Promise<Listener> {
  const first = port ?? DEFAULT_PORT;
  const last = port === undefined ? first + PORT_TRIES : first;
  for (let tried = first; ; tried++) {
    try {
      return await network.serve({ address: { host, port: tried }, fetch });
    } catch (error) {
      if (systemCode(error) !== "EADDRINUSE") throw error;
      if (tried < last) continue;
      throw new MusterError("port_taken", `port ${tried} of the local API is already in use`, {
        cause: error,
      });
    }
  }
}

async function answer(options: LocalServerOptions, guards: Guards, request: Request): Promise<Response> {
  const name = callOf(request);
  try {
    const response = await route(options, guards, { request, name });
    if (name !== undefined) options.metrics.localCall(name, "ok");
    return response;
  } catch (error) {
    const refusal = publicError(error);
    if (refusal.code === "internal") options.log.error("fault in the local API", { call: name, error });
    if (name !== undefined) options.metrics.localCall(name, "refused");
    return Response.json({ error: refusal.toJSON() }, { status: refusal.status, headers: HEADERS });
  }
}

const STREAM_TYPES = { text: "text/plain; charset=utf-8", frames: "application/octet-stream" } as const;
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

async function route(
  { handlers, programs, publishes, about, metrics }: LocalServerOptions,
  guards: Guards,
  { request, name }: { request: Request; name: LocalCall | undefined },
): Promise<Response> {
  guards.source(request);
  const path = pathOf(request);
  const reads = request.method === "GET" || request.method === "HEAD";
  if (path === "/health" && reads) return Response.json({ status: "ok", ...about }, { headers: HEADERS });
  const forProgram = programs(request, () => guards.isOwner(request));
  if (forProgram !== undefined) return forProgram;
  const isProgram = name !== undefined && PUBLISHING.has(name) && publishes(request);
  if (!isProgram) guards.token(request);
  if (path === "/metrics" && reads) {
    return new Response(await metrics.render(), {
      headers: { ...HEADERS, "content-type": metrics.contentType },
    });
  }
  if (name === undefined && path !== "/health" && path !== "/metrics") {
    throw new MusterError("not_found", "this agent has no such call", {
      hint: "the CLI may be newer than the running agent: `muster stop`, then `muster start`",
    });
  }
  if (name === undefined || request.method !== "POST") {
    throw new MusterError("method_not_allowed", `${request.method} is not how this is called`);
  }
  // The table ties each name to one shape and one handler; the compiler cannot follow the name through both.
  const shape: z.ZodType = LOCAL_API[name].request;
  const handler = handlers[name] as (body: unknown, caller: AbortSignal) => unknown;
  const maxBytes = LARGE.has(name) ? LARGE_MAX_BYTES : BODY_MAX_BYTES;
  const body: unknown = await readBody(request, shape, maxBytes);
  if (isProgram && isStarting(body)) {
    throw new MusterError("forbidden", "a program's key publishes, and starts no programs");
  }
  const result = await handler(body, request.signal);
  if (result instanceof ReadableStream) {
    return new Response(result, {
      headers: { ...HEADERS, "content-type": STREAM_TYPES[name === "logs" ? "text" : "frames"] },
    });
  }
  return Response.json(result, { headers: HEADERS });
}

/** A share with a command of its own. */
function isStarting(body: unknown): boolean {
  return typeof body === "object" && body !== null && "run" in body && body.run !== undefined;
}

function callOf(request: Request): LocalCall | undefined {
  const name = /^\/api\/([a-z_]{1,40})$/.exec(pathOf(request))?.[1];
  return name !== undefined && Object.hasOwn(LOCAL_API, name) ? (name as LocalCall) : undefined; // a key of the table
}

function pathOf(request: Request): string {
  return new URL(request.url).pathname;
}
