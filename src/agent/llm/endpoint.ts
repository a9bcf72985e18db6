// A server that speaks the OpenAI format (platform.openai.com/docs/api-reference), here or at a provider: one request to
// it, and what its refusals mean to whoever asked this device.
import type { Secret } from "../../identity/secret.ts";
import { concat, fromUtf8 } from "../../protocol/bytes.ts";
import { upstreamSaid } from "../../protocol/capability-messages.ts";
import { type ErrorCode, MusterError, type Upstream } from "../../protocol/errors.ts";
import { jsonDepth } from "../../protocol/json-depth.ts";
import { JSON_MAX_DEPTH } from "../../protocol/limits.ts";
import type { Network } from "../../world/world.ts";

export interface LlmEndpoint {
  /** With its `/v1`, without a slash at the end. */
  baseUrl: string;
  apiKey?: Secret<string> | undefined;
}

export type EndpointNetwork = Pick<Network, "fetch" | "fetchStream">;

export interface EndpointRequest {
  /** Below the base: "/models". */
  path: string;
  /** Sent as JSON by POST; without it, GET. */
  body?: object;
  signal: AbortSignal;
}

const PROBLEM_MAX_BYTES = 64 * 1024;
const MESSAGE_MAX_CHARACTERS = 1000;
/** Shorter ones are put in where a server wants any key, and are words that it may use. */
const SECRET_MIN_CHARACTERS = 12;

/** Rejects with `unavailable` where nothing answers. Redirects are not followed: the key goes nowhere else. */
export async function askEndpoint(
  network: EndpointNetwork,
  { baseUrl, apiKey }: LlmEndpoint,
  { path, body, signal }: EndpointRequest,
): Promise<Response> {
  const url = `${baseUrl}${path}`;
  const key = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey.reveal()}` };
  try {
    // A look at the server waits for no answer of others.
    if (body === undefined) return await network.fetch(url, { headers: key, signal });
    return await network.fetchStream(url, {
      method: "POST",
      headers: { ...key, "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    throw new MusterError("unavailable", "this device's model server does not answer", {
      cause: error,
      hint: "see that it runs there; [llm] in that device's muster.toml says where it is",
    });
  }
}

/** Throws `too_large` or `app_broken`. */
export async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const bytes = await readBytes(response, maxBytes);
  if (bytes === undefined) throw tooLong();
  const text = fromUtf8(bytes) ?? "";
  try {
    if (jsonDepth(text) <= JSON_MAX_DEPTH) return JSON.parse(text);
  } catch {
    // Said below, as of any other answer that is none.
  }
  throw new MusterError("app_broken", "the model server answered what is no JSON");
}

export function tooLong(): MusterError {
  return new MusterError("too_large", "the model server's answer is too long", {
    hint: "ask for less at once",
  });
}

/** What a status other than 200 says, and whether another device may do better. */
export async function refusalOf(
  response: Response,
  { apiKey }: LlmEndpoint,
): Promise<{ error: MusterError; isOwn: boolean }> {
  const { message, ...words } = await toldIn(response);
  // Some quote the key that they refuse, and whoever asks may be somebody else.
  const key = apiKey?.reveal() ?? "";
  const said = key.length < SECRET_MIN_CHARACTERS ? message : message.replaceAll(key, "…");
  const because = said === "" ? `status ${response.status}` : said;
  const upstream = upstreamSaid.parse({
    ...words,
    retry_after_s: Number(response.headers.get("Retry-After") ?? ""),
  });
  const refused = (code: ErrorCode, text: string, isOwn = false) => ({
    error: new MusterError(code, `${text}: ${because}`, hasWords(upstream) ? { upstream } : {}),
    isOwn,
  });
  switch (response.status) {
    case 400:
    case 422:
      return refused("invalid", "the model server does not take this request", true);
    case 413:
      return refused("too_large", "the request is too long for the model server", true);
    case 401:
    case 403:
      return refused("unavailable", "the model server refuses this device's key");
    case 404:
      return refused("not_found", "the model server does not have that");
    case 429:
      return refused("too_many", "the model server takes no more now");
    default:
      return refused("unavailable", "the model server can't do this now");
  }
}

/** `{error: {message, type, code, param}}` as OpenAI has it, `{error: "…"}` as some others do. */
async function toldIn(response: Response): Promise<{ message: string }> {
  const bytes = await readBytes(response, PROBLEM_MAX_BYTES).catch(() => undefined);
  const text = bytes === undefined ? "" : (fromUtf8(bytes) ?? "");
  try {
    const value: unknown = JSON.parse(text);
    const words = isObject(value) && isObject(value["error"]) ? value["error"] : {};
    return { ...words, message: errorMessage(value) ?? "" };
  } catch {
    return { message: "" }; // a page of a proxy, which tells nobody anything
  }
}

/** Undefined where there is none: some say of each answer that its error is null. */
export function errorMessage(value: unknown): string | undefined {
  const error = isObject(value) ? (value["error"] ?? undefined) : undefined;
  if (error === undefined) return undefined;
  const message = isObject(error) ? error["message"] : error;
  return typeof message === "string" ? message.slice(0, MESSAGE_MAX_CHARACTERS) : "it does not say why";
}

function hasWords(upstream: Upstream): boolean {
  return Object.values(upstream).some((word) => word !== undefined);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Undefined for more than so many. */
async function readBytes(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    pieces.push(new Uint8Array(piece));
    length += piece.length;
    if (length > maxBytes) return undefined; // leaving the loop drops the connection
  }
  return concat(...pieces);
}
