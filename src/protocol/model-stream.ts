// A model's answer as server-sent events (html.spec.whatwg.org, 9.2), the way OpenAI streams it: the JSON of each part,
// then `[DONE]`, or the error that ended it. Where a model is silent for long, comments keep the connection: proxies
// drop those that say nothing, most of them after a minute.
import type { Timers } from "../world/world.ts";
import { answerJson } from "./answer-json.ts";
import type { CapabilityReply } from "./capability-messages.ts";
import { MusterError, publicError } from "./errors.ts";
import { openAiError } from "./openai-refusal.ts";

export const KEEP_ALIVE_MS = 15_000;
const EVENT_NAME = /^[a-z_.]{1,64}$/;
const COMMENT = ": waiting for the model\n\n";

export interface ModelStream {
  timers: Pick<Timers, "after">;
  /** What comes first, now or later. */
  first: Promise<CapabilityReply>;
  replies: AsyncGenerator<CapabilityReply>;
  gone: AbortController;
  /** Each event has the name that its JSON has as `type`, as responses have it. */
  areNamed: boolean;
  /** What went wrong, as a device told it. */
  errorOf(error: NonNullable<Ended["error"]>): MusterError;
}

type Ended = CapabilityReply & { type: "capability_response" };

export function modelEvents(stream: ModelStream): ReadableStream<Uint8Array> {
  const { timers, replies, gone } = stream;
  const encoder = new TextEncoder();
  let coming: Promise<CapabilityReply> | undefined = settled(stream.first);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        coming ??= settled(nextOf(replies));
        const reply = await withinOf(timers, KEEP_ALIVE_MS, coming);
        if (reply === undefined) return controller.enqueue(encoder.encode(COMMENT));
        coming = undefined;
        if (reply.type === "capability_part") {
          const data = oneLine(reply.data);
          return controller.enqueue(encoder.encode(stream.areNamed ? named(data) : event(data)));
        }
        controller.enqueue(encoder.encode(lastOf(stream, reply)));
        controller.close();
      },
      // Either waits for a reply or holds one.
      async cancel() {
        gone.abort();
        await replies.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Undefined when it does not come in time; it may still come. */
export async function withinOf<T>(
  timers: Pick<Timers, "after">,
  waitMs: number,
  coming: Promise<T>,
): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = timers.after(waitMs, () => late.resolve(undefined));
  try {
    return await Promise.race([coming, late.promise]);
  } finally {
    timer.cancel();
  }
}

/** Rejects where the asking itself did. */
export async function nextOf(replies: AsyncGenerator<CapabilityReply>): Promise<CapabilityReply> {
  const { value, done } = await replies.next();
  if (done === true) throw new MusterError("unavailable", "the answer broke off");
  return value;
}

/** Who goes, or what breaks, ends the stream with what went wrong: its status is long sent. */
async function settled(coming: Promise<CapabilityReply>): Promise<CapabilityReply> {
  try {
    return await coming;
  } catch (error) {
    return { type: "capability_response", request_id: "", error: publicError(error).toJSON() };
  }
}

function lastOf(
  { errorOf, areNamed }: ModelStream,
  { payload, error, from_device: device = "" }: Ended,
): string {
  try {
    if (error !== undefined) throw errorOf(error);
    return `${payload === undefined ? "" : asEvents(payload, device)}${event("[DONE]")}`;
  } catch (problem) {
    const refusal = openAiError(publicError(problem));
    if (!areNamed) return event(JSON.stringify(refusal));
    // Its fields beside it and below it: clients read either.
    return named(JSON.stringify({ ...refusal.error, type: "error", sequence_number: 0, ...refusal }));
  }
}

/** What a plugin that does not stream says in one piece, as a client that waits for events reads it. */
function asEvents(payload: string, device: string): string {
  const answer = answerJson(payload, device);
  if (!isObject(answer) || !Array.isArray(answer["choices"])) return "";
  const choices = (answer["choices"] as unknown[]).filter(isObject).map(({ message, ...rest }) => ({
    ...rest,
    delta: isObject(message) ? withIndexes(message) : {},
  }));
  return event(JSON.stringify({ ...answer, object: "chat.completion.chunk", choices }));
}

/** Pieces of tool calls are put together by these. */
function withIndexes({ tool_calls: calls, ...message }: Readonly<Record<string, unknown>>): object {
  if (!Array.isArray(calls)) return message;
  const pieces = (calls as unknown[]).map((call, index) => (isObject(call) ? { index, ...call } : call));
  return { ...message, tool_calls: pieces };
}

function named(data: string): string {
  const name = EVENT_NAME.exec(typeIn(data))?.[0];
  return name === undefined ? event(data) : `event: ${name}\n${event(data)}`;
}

function typeIn(data: string): string {
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) && typeof value["type"] === "string" ? value["type"] : "";
  } catch {
    return ""; // the device's fault, and the client's to find
  }
}

function event(data: string): string {
  return `data: ${data}\n\n`;
}

/** JSON has no line breaks outside its texts, where they are escaped; a device may have written them all the same. */
function oneLine(data: string): string {
  return data.replaceAll(/[\r\n]/g, "");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
