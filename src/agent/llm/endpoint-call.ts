// One capability request, done by a model server: what it says passes on part by part, no faster than it is taken. What
// goes wrong before its first byte is a refusal, so that another device may be asked; afterwards it is a failure.
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { ChatApi } from "../../protocol/chat-apis.ts";
import { CAPABILITY_WAITS } from "../../protocol/capability-messages.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import type { Timers } from "../../world/world.ts";
import type { CallAnswer, RunningCall } from "../capabilities/capability.ts";
import { chunksIn, saysNothing, type Chunk } from "./chunk-stream.ts";
import {
  askEndpoint,
  errorMessage,
  readJson,
  refusalOf,
  tooLong,
  type EndpointNetwork,
  type LlmEndpoint,
} from "./endpoint.ts";

/** Embeddings in numbers are four times as long as what is passed on of them. */
const WHOLE_MAX_BYTES = 4 * RELAY_MESSAGE_MAX_BYTES;

/** Chunks without a word, before the first that has one: more are sent on as they are. */
const HELD_MAX = 16;

export interface EndpointCallParts {
  network: EndpointNetwork;
  timers: Pick<Timers, "after">;
  endpoint: LlmEndpoint;
}

export interface EndpointWish {
  path: "/chat/completions" | "/embeddings" | `/${ChatApi}`;
  body: Readonly<Record<string, unknown>>;
  /** Of an answer that comes whole: what is passed on. */
  result?(whole: unknown): unknown;
}

export function callEndpoint(parts: EndpointCallParts, wish: EndpointWish, answer: CallAnswer): RunningCall {
  const gone = new AbortController();
  const room = new Room();
  const late = parts.timers.after(CAPABILITY_WAITS.allMs, () => gone.abort());
  void converse(parts, { wish, answer, room, signal: gone.signal }).finally(() => late.cancel());
  return {
    resume: () => room.open(),
    cancel: () => {
      gone.abort();
      room.open();
    },
  };
}

/** The asker takes no more until it is opened again. */
class Room {
  #opened = Promise.withResolvers<void>();

  open(): void {
    this.#opened.resolve();
    this.#opened = Promise.withResolvers<void>();
  }

  wait(): Promise<void> {
    return this.#opened.promise;
  }
}

interface Conversation {
  wish: EndpointWish;
  answer: CallAnswer;
  room: Room;
  signal: AbortSignal;
}

async function converse({ network, endpoint }: EndpointCallParts, talk: Conversation): Promise<void> {
  const { wish, answer, signal } = talk;
  let hasBegun = false;
  try {
    const response = await askEndpoint(network, endpoint, { ...wish, signal });
    if (response.status !== 200) {
      const { error, isOwn } = await refusalOf(response, endpoint);
      return isOwn ? answer.fail(error) : answer.refuse(error);
    }
    if (wish.body["stream"] !== true || !isEvents(response)) {
      const whole = await readJson(response, WHOLE_MAX_BYTES);
      const problem = errorMessage(whole);
      if (problem !== undefined) throw new MusterError("unavailable", `the model server stopped: ${problem}`);
      if (wish.body["stream"] === true && !hasChoices(whole)) throw noStream();
      return answer.done(fitting(wish.result === undefined ? whole : wish.result(whole)));
    }
    // Until something of the answer is there another device may be asked.
    const held: Chunk[] = [];
    for await (const chunk of chunksIn(response)) {
      held.push(chunk);
      if (!hasBegun && saysNothing(chunk) && held.length < HELD_MAX) continue;
      hasBegun = true;
      for (const one of held.splice(0)) {
        if (!answer.part(one)) await talk.room.wait();
        if (signal.aborted) return;
      }
    }
    for (const one of held) answer.part(one);
    answer.done(null);
  } catch (error) {
    const problem = error instanceof MusterError ? error : broken(error);
    if (hasBegun) answer.fail(cut(problem));
    else if (problem.code === "too_large") answer.fail(problem);
    else answer.refuse(problem);
  }
}

/** Throws `too_large` for what no message could carry. */
function fitting(answer: unknown): unknown {
  if (JSON.stringify(answer).length <= RELAY_MESSAGE_MAX_BYTES) return answer;
  throw tooLong();
}

function isEvents({ headers }: Response): boolean {
  return (headers.get("Content-Type") ?? "").toLowerCase().startsWith("text/event-stream");
}

/** A server that does not stream answers in one piece, which is an answer all the same. */
function hasChoices(whole: unknown): boolean {
  return typeof whole === "object" && whole !== null && "choices" in whole && Array.isArray(whole.choices);
}

function noStream(): MusterError {
  return new MusterError("app_broken", "the model server was asked for a stream and sends none");
}

/** A beginning was passed on: nobody takes it for the whole, and it is asked again by whoever wants that. */
function cut({ code, message, cause }: MusterError): MusterError {
  return new MusterError(code, message, { hint: "the answer is not whole; ask again", cause });
}

function broken(error: unknown): MusterError {
  const { code, message } = publicError(error);
  return code === "internal"
    ? new MusterError("app_broken", "the connection to the model server broke", { cause: error })
    : new MusterError(code, message);
}
