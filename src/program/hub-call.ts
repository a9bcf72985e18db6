// One call to a hub that this home may not have joined yet: bounded, by the way that was chosen, and every answer
// either fits its shape or is a refusal that a person can read.
import type { z } from "zod";
import { isErrorCode, MusterError, systemCode } from "../protocol/errors.ts";
import type { FetchOptions, Network } from "../world/world.ts";

const CALL_TIMEOUT_MS = 10_000;
const ANSWER_MAX_BYTES = 80 * 1024 * 1024;

/** The chain ends in nobody that this machine knows. */
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** What every call of one joining takes. */
export interface CallOptions {
  stop: AbortSignal;
  way: FetchOptions;
}

export interface Call<Shape extends z.ZodType> {
  url: string;
  body?: unknown;
  shape: Shape;
  /** What stands for a refusal of another form than ours; undefined leaves it to the usual. */
  refusal?(value: unknown, status: number): z.infer<Shape> | undefined;
}

export async function callHub<Shape extends z.ZodType>(
  network: Pick<Network, "fetch">,
  { stop, way }: CallOptions,
  { url, body, shape, refusal }: Call<Shape>,
): Promise<z.infer<Shape>> {
  const init: RequestInit = {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Accept: "application/json",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    signal: AbortSignal.any([stop, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const origin = new URL(url).origin;
  let response: Response;
  let text: string;
  try {
    response = await network.fetch(url, init, way);
    text = await boundedText(response);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MusterError("hub_unreachable", `can't reach the hub at ${origin}: ${why}`, {
      hint: UNKNOWN_AUTHORITY.has(systemCode(error))
        ? "where its certificate is of your own authority, give that: --ca FILE"
        : `which hop is broken: muster why ${origin}`,
      cause: error,
    });
  }
  const value = parseJson(text);
  const read = response.ok ? shape.safeParse(value) : undefined;
  if (read?.success === true) return read.data;
  const other = refusal?.(value, response.status);
  if (other !== undefined) return other;
  throw refusalIn(value) ?? notAHub(origin, response.status);
}

async function boundedText(response: Response): Promise<string> {
  const bytes = await response.bytes();
  if (bytes.length > ANSWER_MAX_BYTES) throw new Error("the answer is too long");
  return new TextDecoder().decode(bytes);
}

/** A captive portal or a wrong address answers in HTML, or with a redirect. */
function notAHub(origin: string, status: number): MusterError {
  return new MusterError("hub_unreachable", `what answers at ${origin} is no hub (status ${status})`, {
    hint: "check the address; on a guest network, sign in to it first",
  });
}

function refusalIn(value: unknown): MusterError | undefined {
  if (typeof value !== "object" || value === null || !("error" in value)) return undefined;
  const { error } = value;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error))
    return undefined;
  const { code, message } = error;
  if (typeof code !== "string" || typeof message !== "string" || !isErrorCode(code)) return undefined;
  const hint = "hint" in error && typeof error.hint === "string" ? { hint: error.hint } : {};
  return new MusterError(code, message, hint);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no shape takes it
  }
}
