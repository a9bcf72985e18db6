// One call of Cloudflare's API: bounded in time and in bytes, counted, and read as an envelope. What went wrong
// on the way is `provider_unreachable`, and then nobody knows whether the call was carried out: callers look.

import type { Secret } from "../../identity/secret.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Network, World } from "../../world/world.ts";
import type { CallBudget } from "./call-budget.ts";
import { type Envelope, readEnvelope } from "./envelope.ts";

export const CALL_TIMEOUT_MS = 15_000;
/** A page of 100 tunnels is about 100 KB. */
export const ANSWER_MAX_BYTES = 4 * 1024 * 1024;

export interface Request {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the API's base, each part already safe. */
  path: string;
  query?: Record<string, string>;
  body?: Record<string, unknown>;
  /** For people: "create the tunnel muster-…". */
  action: string;
}

export interface CallSurroundings {
  fetch: Network["fetch"];
  timers: Pick<World["timers"], "after">;
  budget: CallBudget;
  token: Secret<string>;
  baseUrl: string;
}

/** Rejects with `too_many` or `provider_unreachable`; a refusal is in the envelope. */
export async function call(around: CallSurroundings, request: Request): Promise<Envelope> {
  around.budget.spend();
  const { status, retryAfter, text } = await exchange(around, request);
  if (status === 429) throw around.budget.block(retryAfter);
  const envelope = readEnvelope(status, text);
  if (envelope === undefined) {
    throw unreachable(request, new Error(`status ${status} and no answer of Cloudflare's API in it`));
  }
  return envelope;
}

interface Answer {
  status: number;
  retryAfter: string | null;
  text: string;
}

async function exchange(around: CallSurroundings, request: Request): Promise<Answer> {
  const { timers, token, baseUrl } = around;
  const { method, path, query, body } = request;
  const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
  const cancel = new AbortController();
  let late = (_error: Error): void => {};
  const tooLate = new Promise<never>((_resolve, reject) => {
    late = reject;
  });
  const timer = timers.after(CALL_TIMEOUT_MS, () => {
    late(new Error(`no answer in ${CALL_TIMEOUT_MS / 1000} s`));
    cancel.abort();
  });
  const answer = async (): Promise<Answer> => {
    const response = await around.fetch(`${baseUrl}${path}${search}`, {
      method,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${token.reveal()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: cancel.signal,
      redirect: "manual",
    });
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, retryAfter, text: await readBounded(response) };
  };
  try {
    // Not every fetch heeds a signal at once: the call itself must still end.
    return await Promise.race([answer(), tooLate]);
  } catch (error) {
    cancel.abort();
    throw unreachable(request, error);
  } finally {
    timer.cancel();
  }
}

async function readBounded(response: Response): Promise<string> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > ANSWER_MAX_BYTES) throw new Error(`an answer of more than ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable({ action }: Request, cause: unknown): MusterError {
  const why = cause instanceof Error ? cause.message : "";
  return new MusterError(
    "provider_unreachable",
    `Cloudflare was asked to ${action}, and it is not known whether it did: ${why}`,
    {
      hint: "check this machine's way to api.cloudflare.com; what was begun goes on by itself",
      cause,
    },
  );
}
