// What really happened in a run, as the outside saw it, and which promises it broke. Apps and visitors write
// it; checkers read it.
import type { SimTime } from "./sim-time.ts";

export type Outcome =
  /** The whole right answer of the right app. */
  | "answered"
  /** 502, 503 or 504. */
  | "refused"
  /** The connection ended first. */
  | "cut";

export interface Asked {
  id: string;
  method: "GET" | "HEAD" | "POST";
  device: string;
  askedAtMs: number;
  outcome: Outcome | undefined;
  status: number | undefined;
  /** How often an app began to do it. */
  done: number;
  /** Of the answer, what the app could hand over. */
  sentBytes: number;
}

export class Ledger {
  readonly #time: SimTime;
  readonly #asked = new Map<string, Asked>();
  readonly violations: string[] = [];
  /** Told of each outcome. */
  settled: (asked: Asked) => void = () => undefined;

  constructor(time: SimTime) {
    this.#time = time;
  }

  get asked(): readonly Asked[] {
    return [...this.#asked.values()];
  }

  ask(request: Pick<Asked, "id" | "method" | "device">): Asked {
    const asked: Asked = {
      ...request,
      askedAtMs: this.#time.nowMs,
      outcome: undefined,
      status: undefined,
      done: 0,
      sentBytes: 0,
    };
    this.#asked.set(request.id, asked);
    return asked;
  }

  settle(asked: Asked, outcome: Outcome, status?: number): void {
    if (asked.outcome !== undefined) return this.violate(`${asked.id} has a second outcome: ${outcome}`);
    asked.outcome = outcome;
    asked.status = status;
    this.#time.trace(`${asked.method} ${asked.id} to ${asked.device}: ${outcome} ${status ?? ""}`);
    this.settled(asked);
  }

  /** An app has begun to do it. */
  done(id: string, device: string, method: string): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return this.violate(`an app was asked for ${id}, which nobody asked`);
    asked.done += 1;
    if (asked.device !== device) this.violate(`${id} for ${asked.device} came to ${device}`);
    if (asked.method !== method) this.violate(`${id} was a ${asked.method} and came as ${method}`);
    // A hop may repeat what is safe to repeat, once: the hub after a lost trunk, the device after a stale line.
    const most = method === "POST" ? 1 : 4;
    if (asked.done > most) this.violate(`${method} ${id} was done ${asked.done} times`);
  }

  /** The app has handed over that much more of its answer. */
  sent(id: string, bytes: number): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined) asked.sentBytes += bytes;
  }

  violate(text: string): void {
    this.#time.trace(`VIOLATION ${text}`);
    this.violations.push(`at ${this.#time.nowMs.toFixed(1)} ms: ${text}`);
  }
}
