// The page's calls to the hub's HTTP API: same origin, JSON both ways, refusals as MusterError with the
// request's id in its cause. What comes back is parsed before anyone believes it.
import type { z } from "zod";
import { isErrorCode, MusterError } from "../../../src/protocol/errors.ts";

const TIMEOUT_MS = 15_000;

export interface HubCall<Shape extends z.ZodType> {
  method: "GET" | "POST";
  path: string;
  /** What the answer must look like. */
  answer: Shape;
  body?: unknown;
  /** The bearer that came over `/ws`, where the call needs more than the cookie. */
  token?: string | null;
}

export interface HubAnswer<Value> {
  value: Value;
  /** By the hub's clock, from its Date header; null when there is none. */
  dateMs: number | null;
}

export async function callHub<Shape extends z.ZodType>(
  call: HubCall<Shape>,
): Promise<HubAnswer<z.infer<Shape>>> {
  const response = await send(call);
  const requestId = response.headers.get("Muster-Request-Id") ?? undefined;
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw refusal(response.status, body, requestId);
  const read = call.answer.safeParse(body);
  if (!read.success) {
    throw new MusterError(
      "protocol_error",
      `the hub answered ${call.path} in a way this page does not know`,
      {
        hint: "reload the page: the hub may have been upgraded",
        cause: { requestId },
      },
    );
  }
  const date = Date.parse(response.headers.get("Date") ?? "");
  return { value: read.data, dateMs: Number.isNaN(date) ? null : date };
}

async function send(call: HubCall<z.ZodType>): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (call.body !== undefined) headers["Content-Type"] = "application/json";
  if (call.token !== undefined && call.token !== null) headers["Authorization"] = `Bearer ${call.token}`;
  try {
    return await fetch(call.path, {
      method: call.method,
      headers,
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
  } catch (error) {
    throw new MusterError("hub_unreachable", "the hub does not answer", {
      hint: "check that it runs: `muster status` on its machine",
      cause: error,
    });
  }
}

function refusal(status: number, body: unknown, requestId: string | undefined): MusterError {
  const told = toldError(body);
  if (told === undefined) {
    return new MusterError("internal", `the hub answered with status ${status}`, { cause: { requestId } });
  }
  return new MusterError(told.code, told.message, {
    cause: { requestId },
    ...(told.hint === undefined ? {} : { hint: told.hint }),
  });
}

function toldError(
  body: unknown,
): { code: MusterError["code"]; message: string; hint: string | undefined } | undefined {
  // Two writers answer here: the hub itself, `{error: {…}}`, and the accounts library, `{code, message}`.
  const told = field(body, "error") ?? body;
  const message = field(told, "message");
  if (typeof message !== "string") return undefined;
  const code = field(told, "code");
  const hint = field(told, "hint");
  return {
    code: typeof code === "string" && isErrorCode(code) ? code : "bad_request",
    message,
    hint: typeof hint === "string" ? hint : undefined,
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
