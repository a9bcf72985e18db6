// Refusals as clients of OpenAI's format read them (platform.openai.com/docs/guides/error-codes): the status picks their
// exception, the headers whether and when they ask again, the body is shown. What the model server said of itself
// stands in place of our own words, where it did.
import { type ErrorCode, MusterError, publicError } from "./errors.ts";

const STATUS: Partial<Record<ErrorCode, number>> = {
  // They try 503 again, which a missing model does not cure.
  no_device: 404,
  // Theirs is the request's own fault in any way.
  invalid: 400,
};
/** Of a hub or a device that has too much to do. */
const BUSY_RETRY_AFTER_S = 1;

export function openAiRefusal(error: unknown): Response {
  const refusal = publicError(error);
  const headers: Record<string, string> = { "Cache-Control": "no-store" };
  const retryAfter = retryAfterOf(refusal);
  if (retryAfter !== undefined) headers["Retry-After"] = String(retryAfter);
  // Whoever waited ten minutes is not to wait for twenty more in silence.
  if (refusal.code === "capability_timeout") headers["X-Should-Retry"] = "false";
  return Response.json(openAiError(refusal), { status: statusOf(refusal), headers });
}

/** The body of a refusal, and the last event of a stream that broke. */
export function openAiError(refusal: MusterError): { error: object } {
  const { code, message, hint, upstream } = refusal;
  return {
    error: {
      message: hint === undefined ? message : `${message} (${hint})`,
      type: upstream?.type ?? typeOf(statusOf(refusal)),
      code: upstream?.code ?? code,
      param: upstream?.param ?? null,
    },
  };
}

/** Nobody, or somebody without a key, at a path of this format. */
export function noProgramKey(): MusterError {
  return new MusterError("unauthorized", "this takes a key of a program", {
    hint: "those that hold: muster key ls; make one: muster key create NAME",
  });
}

/** Every path that a client in this format may ask for, with its base URL in front. */
export function isOpenAiPath(path: string): boolean {
  return path === "/v1" || path.startsWith("/v1/");
}

/** `method` and `path` are none of those that there are. */
export function noOpenAiCall(method: string, path: string): MusterError {
  return new MusterError("not_found", `${method} ${path.slice(0, 100)} is not offered here`, {
    hint: "there are /v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings and /v1/models",
  });
}

function statusOf({ code, status }: MusterError): number {
  return STATUS[code] ?? status;
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

function retryAfterOf({ code, upstream }: MusterError): number | undefined {
  return upstream?.retry_after_s ?? (code === "too_many" ? BUSY_RETRY_AFTER_S : undefined);
}
