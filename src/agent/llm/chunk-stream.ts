// The stream of a model server, chunk by chunk (platform.openai.com/docs/api-reference/chat-streaming): the objects up
// to `[DONE]`. A stream that ends without it was cut, unless every choice in it has come to its end: some servers say
// no more than that. Responses (the same, /responses-streaming) have events with a `type` in place of choices, and a
// last one of their own.
import { MusterError } from "../../protocol/errors.ts";
import { jsonDepth } from "../../protocol/json-depth.ts";
import { JSON_MAX_DEPTH } from "../../protocol/limits.ts";
import { errorMessage } from "./endpoint.ts";
import { EventReader } from "./event-reader.ts";

const LAST_EVENTS: ReadonlySet<unknown> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
]);
/** Before the first word. */
const QUIET_EVENTS: ReadonlySet<unknown> = new Set([
  "response.created",
  "response.queued",
  "response.in_progress",
  "response.output_item.added",
  "response.content_part.added",
]);

export type Chunk = Readonly<Record<string, unknown>>;

/** Throws `app_broken` for what is no such stream, `unavailable` for one that ends with an error. */
export async function* chunksIn(response: Response): AsyncGenerator<Chunk> {
  const events = new EventReader();
  const choices = new Map<unknown, boolean>();
  let isOver = false;
  for await (const piece of response.body ?? []) {
    for (const event of events.push(piece)) {
      if (event === "[DONE]") return;
      const chunk = chunkIn(event);
      for (const { index, finish_reason: finish } of choicesOf(chunk)) {
        choices.set(index, choices.get(index) === true || typeof finish === "string");
      }
      isOver ||= LAST_EVENTS.has(chunk["type"]);
      yield chunk;
    }
  }
  const isWhole = isOver || (choices.size > 0 && [...choices.values()].every((isEnded) => isEnded));
  if (!isWhole) throw new MusterError("app_broken", "the model server's stream broke off");
}

/** Whether nothing of an answer is in it: servers send the role of who speaks before they have begun to think. */
export function saysNothing(chunk: Chunk): boolean {
  if (typeof chunk["type"] === "string") return QUIET_EVENTS.has(chunk["type"]);
  return choicesOf(chunk).every(({ delta, text, finish_reason: finish }) => {
    const { role: _, ...said } = isObject(delta) ? delta : { text: text ?? null };
    return typeof finish !== "string" && Object.values(said).every(isEmpty);
  });
}

function chunkIn(event: string): Chunk {
  let value: unknown;
  try {
    value = jsonDepth(event) > JSON_MAX_DEPTH ? undefined : JSON.parse(event);
  } catch {
    value = undefined;
  }
  if (!isObject(value)) {
    throw new MusterError("app_broken", "the model server sent an event that is no JSON object");
  }
  const problem = errorMessage(value["type"] === "error" ? { error: value["error"] ?? value } : value);
  if (problem !== undefined) throw new MusterError("unavailable", `the model server stopped: ${problem}`);
  return value;
}

function choicesOf({ choices }: Chunk): Chunk[] {
  return Array.isArray(choices) ? (choices as unknown[]).filter(isObject) : [];
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

function isObject(value: unknown): value is Chunk {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
