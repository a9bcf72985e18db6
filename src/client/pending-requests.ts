// Requests that wait for their answer. Each ends exactly once: by its answer, its time limit, or the end of
// the connection. The table is bounded, because a hub that never answers must not fill a page's memory.
import { MusterError, type ErrorCode, type ErrorDetails } from "../protocol/errors.ts";
import type { HubToClient } from "../protocol/messages.ts";
import type { Timer, Timers } from "../world/world.ts";

/** More questions at once than any person or page asks; a loop that goes wrong stops here. */
const PENDING_MAX = 64;

interface Pending {
  resolve(answer: HubToClient): void;
  reject(problem: MusterError): void;
  limit: Timer;
}

export class PendingRequests {
  readonly #timers: Timers;
  readonly #byId = new Map<string, Pending>();
  #last = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Keeps a place and returns the request's id. Rejects with `too_many` or, when no answer comes, `unavailable`. */
  add(what: string, timeoutMs: number): { id: string; answer: Promise<HubToClient> } {
    const id = String(++this.#last);
    if (this.#byId.size >= PENDING_MAX) {
      const problem = new MusterError("too_many", `${PENDING_MAX} requests already wait for the hub`);
      return { id, answer: Promise.reject(problem) };
    }
    const answer = new Promise<HubToClient>((resolve, reject) => {
      const limit = this.#timers.after(timeoutMs, () => {
        this.#byId.delete(id);
        reject(new MusterError("unavailable", `the hub did not answer ${what} within ${timeoutMs / 1000} s`));
      });
      this.#byId.set(id, { resolve, reject, limit });
    });
    return { id, answer };
  }

  /** True when the message answered a request that was waiting. */
  settle(message: HubToClient): boolean {
    const id = "id" in message ? message.id : undefined;
    const pending = id === undefined ? undefined : this.#byId.get(id);
    if (id === undefined || pending === undefined) return false;
    this.#byId.delete(id);
    pending.limit.cancel();
    if (message.type === "error") pending.reject(refusalOf(message, id));
    else pending.resolve(message);
    return true;
  }

  failAll(problem: MusterError): void {
    const all = [...this.#byId.values()];
    this.#byId.clear();
    for (const pending of all) {
      pending.limit.cancel();
      pending.reject(problem);
    }
  }
}

/** The error that a refusal on the wire stands for. Its cause carries the request's id, for the hub's log. */
export function refusalOf(
  refusal: { code: ErrorCode; message: string; hint?: string | undefined },
  requestId?: string,
): MusterError {
  const details: ErrorDetails = {};
  if (refusal.hint !== undefined) details.hint = refusal.hint;
  if (requestId !== undefined) details.cause = { requestId };
  return new MusterError(refusal.code, refusal.message, details);
}
