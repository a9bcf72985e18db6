// What something that can be done here looks like to the rest of the agent, whoever does it: a plugin, a model server,
// the agent itself.
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import type { MusterError } from "../../protocol/errors.ts";
import type { QueryType } from "../../protocol/query-messages.ts";
import type { Answerer } from "../queries/query-desk.ts";

/** Who may use it, unless the device's configuration says otherwise. */
export type Audience = "controllers" | "members";

export interface Capability {
  readonly offer: CapabilityOffer;
  readonly audience: Audience;
  /** Returns at once. A throw is a refusal: nothing has begun, and another device may be asked. */
  call(request: CallRequest, answer: CallAnswer): RunningCall;
}

export interface CallRequest {
  /** What the JSON text of the request says. */
  payload: unknown;
  /** Identity key of whoever asks, base64url; or `hub`, which asks by itself where this device lets it. */
  caller: string;
}

/** Exactly one of `done` and `fail`, last. What is said after it, or after a `cancel`, is passed over. */
export interface CallAnswer {
  /** Any JSON value. False: no more until `resume`. */
  part(data: unknown): boolean;
  done(payload: unknown): void;
  fail(error: MusterError): void;
  /** It can't take this one now, and has done nothing: another device may. Only before anything else was said. */
  refuse(error: MusterError): void;
}

export interface RunningCall {
  /** The asker takes more parts again. */
  resume(): void;
  /** Nobody waits for it any more. */
  cancel(): void;
}

/** Something that offers capabilities, which may come and go. */
export interface CapabilitySource {
  readonly capabilities: readonly Capability[];
  /** Queries of the fleet that it answers. */
  readonly answers?: Partial<Record<QueryType, Answerer>>;
  /** Custom ones, by name. */
  readonly queries?: Readonly<Record<string, Answerer>>;
}
