// Capability requests of proven sessions: who may ask, which device serves, and how many at once. The hub looks at the
// envelope; what is asked and answered passes through.
import {
  CAPABILITY_WAITS,
  capabilityRequest,
  REQUEST_LINE_MAX_BYTES,
  type CapabilityCall,
  type CapabilityReply,
  type CapabilityRequest,
} from "../../protocol/capability-messages.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import type { Actor } from "../../protocol/actors.ts";
import { demand } from "../../protocol/permissions.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Clock, Timers } from "../../world/world.ts";
import type { Session } from "../sessions/session.ts";
import { CallStreams } from "./call-stream.ts";
import type { Asked, GrantAsked } from "./asked.ts";
import { findCandidates, type CandidateParts } from "./candidates.ts";
import { Places } from "./places.ts";
import { CapabilityRun, type RunEvents } from "./capability-run.ts";

export interface CapabilityDeskParts extends Pick<CandidateParts, "devices" | "offers" | "directory"> {
  clock: Clock;
  timers: Timers;
  /** Owners that let this key use a capability of theirs, by their logs. */
  granted(asked: GrantAsked): Asked["granted"];
}

export interface Ask {
  /** Undefined where the right to ask was looked at before. */
  actor: Actor | undefined;
  /** The asker's own key, base64url: it made the signature. Of a request without one, whose places it takes. */
  caller: string;
  request: CapabilityRequest | UnsignedRequest;
}

/** What the hub asks by itself, for a person who is signed in. */
export type UnsignedRequest = Omit<CapabilityRequest, "signature"> & { signature?: undefined };

/** Who has a request answered: throws a refusal for which no device was asked. */
export interface CapabilityAsker {
  ask(ask: Ask, events: RunEvents): Pick<CapabilityRun, "resume" | "cancel">;
}

/** Of one session at once, and of one program's key by HTTP. */
const PER_SESSION_MAX = 64;
/** Of one key, whose requests are longer than other messages: they are kept for the next device. */
const LARGE_MAX = 4;
/** One that could not be reached, or refused, comes last for so long. */
const COOL_DOWN_MS = 10_000;
const COOLING_MAX = 10_000;

export class CapabilityDesk {
  readonly #parts: CapabilityDeskParts;
  readonly #running = new Map<string, number>();
  readonly #coolUntil = new Map<string, number>();
  /** By HTTP, of programs by their keys. */
  readonly #places = new Places(PER_SESSION_MAX, "requests of this key or person");
  readonly #large = new Places(LARGE_MAX, "large requests of this key or person");
  readonly #streams: CallStreams<CapabilityRequest, CapabilityReply>;

  constructor(parts: CapabilityDeskParts) {
    this.#parts = parts;
    this.#streams = new CallStreams<CapabilityRequest, CapabilityReply>(parts.timers, {
      request: capabilityRequest,
      refused: ({ request_id }, error) => ({ type: "capability_response", request_id, error }),
      sessionMax: PER_SESSION_MAX,
      lineMaxBytes: REQUEST_LINE_MAX_BYTES,
    });
  }

  /** A stream of JSON lines that `session` opened: one request, then its answers. */
  open(session: Session, stream: TrunkStream): TrunkStreamEvents {
    return this.#streams.open(session, stream, (request, events) =>
      this.ask({ actor: session.actor, caller: request.by ?? session.key, request }, events),
    );
  }

  /** Throws a refusal for which no device was asked. */
  ask({ actor, caller, request }: Ask, events: RunEvents): CapabilityRun {
    if (actor !== undefined) demand(actor, "fleet.ask", { kind: "owner", root: request.log });
    const { clock, timers } = this.#parts;
    const isUnsigned = request.signature === undefined;
    const { protocol } = request.capability;
    const candidates = findCandidates(
      {
        ...this.#parts,
        running: (id) => this.#running.get(id) ?? 0,
        isCoolingDown: (id) => (this.#coolUntil.get(id) ?? 0) > clock.monotonic(),
      },
      {
        ownerRoot: request.log,
        isUnsigned,
        isProgram: !isUnsigned && (actor === undefined || request.by !== undefined),
        granted: isUnsigned ? [] : this.#parts.granted({ key: caller, log: request.log, protocol }),
        capability: request.capability,
        model: request.model,
        onlyDevice: request.only_device,
        preferDevice: request.prefer_device,
      },
    );
    const isLarge = request.payload.length > RELAY_MESSAGE_MAX_BYTES;
    const counted = this.#admit(events, [
      // Sessions are counted by their streams; a program's requests have none.
      ...(actor === undefined ? [() => this.#places.take(caller)] : []),
      ...(isLarge ? [() => this.#large.take(caller)] : []),
    ]);
    return new CapabilityRun(
      {
        timers,
        call: callOf(request, caller),
        timeoutMs: request.timeout_ms ?? CAPABILITY_WAITS.allMs,
        silence: silenceFor(request),
        candidates,
        began: (id) => this.#running.set(id, (this.#running.get(id) ?? 0) + 1),
        ended: (id) => this.#ended(id),
        failed: (id) => this.#coolDown(id),
      },
      counted,
    );
  }

  /** All of these places, or none: throws `too_many`. They are given back when the run is over. */
  #admit(events: RunEvents, places: readonly (() => () => void)[]): RunEvents {
    const taken: (() => void)[] = [];
    const giveBack = (): void => taken.forEach((give) => give());
    try {
      for (const take of places) taken.push(take());
    } catch (error) {
      giveBack();
      throw error;
    }
    return {
      reply: (reply) => events.reply(reply),
      over: () => {
        giveBack();
        events.over();
      },
    };
  }

  #ended(deviceId: string): void {
    const left = (this.#running.get(deviceId) ?? 1) - 1;
    if (left === 0) this.#running.delete(deviceId);
    else this.#running.set(deviceId, left);
  }

  #coolDown(deviceId: string): void {
    const now = this.#parts.clock.monotonic();
    if (this.#coolUntil.size >= COOLING_MAX) {
      for (const [id, until] of this.#coolUntil) if (until <= now) this.#coolUntil.delete(id);
    }
    this.#coolUntil.set(deviceId, now + COOL_DOWN_MS);
  }
}

/** What a device needs of it. */
function callOf(request: Ask["request"], caller: string): CapabilityCall {
  const { type, request_id, capability, payload, log, signature } = request;
  const asked = { type, request_id, capability, payload, log };
  return signature === undefined ? asked : { ...asked, signature, caller };
}

/** Who says how long it waits waits so long for the first word too: an answer that comes whole is silent until then. */
function silenceFor({ timeout_ms: asked = 0 }: Ask["request"]): { firstMs: number; betweenMs: number } {
  const { firstMs, betweenMs } = CAPABILITY_WAITS;
  return { firstMs: Math.max(firstMs, asked), betweenMs: Math.max(betweenMs, asked) };
}
