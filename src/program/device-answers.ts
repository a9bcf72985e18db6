// Whether this device answers at its own public address: asked as anybody would ask, by the way that leads out
// of here, so that the answer has gone through the hub and back.
import { httpFetch } from "../world/http-fetch.ts";
import type { Environment } from "./parts.ts";
import { wayTo } from "./way-to.ts";

const ANSWER_TIMEOUT_MS = 5000;

export interface DeviceAddress {
  url: string;
  /** PEM, where the hub's authority is not a public one. */
  ca?: string;
  stop: AbortSignal;
}

/** False for any other answer, and for none. */
export async function deviceAnswers(address: DeviceAddress, environment: Environment): Promise<boolean> {
  const { url, ca, stop } = address;
  const way = wayTo(url, { ca, environment });
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const response = await httpFetch(url, { signal }, way);
    const answer: unknown = response.ok ? await response.json() : undefined;
    return typeof answer === "object" && answer !== null && "status" in answer && answer.status === "healthy";
  } catch {
    stop.throwIfAborted();
    return false; // no answer is the answer
  }
}
