// Capability requests that the hub hands on. The hub only says who asks: the asker's signature and this device's own
// copy of the owner log decide, then the device's own word on who may use what. When a right ends, what runs by it ends.
// What nobody signed the hub asks by itself: it gets what is for all members, where this device lets it ask at all.
import type { Crypto } from "../../identity/crypto.ts";
import { isSignedByCaller } from "../../identity/capability-request.ts";
import { coversCapability, holdsOn } from "../../identity/grant-covers.ts";
import type { Grant } from "../../identity/owner-log-state.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import {
  capabilityCall,
  REQUEST_LINE_MAX_BYTES,
  type CapabilityAnswer,
  type CapabilityCall,
} from "../../protocol/capability-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { LINE_MAX_BYTES, LineBudget, LineStream, type LineStreamEvents } from "../../trunk/line-stream.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Clock } from "../../world/world.ts";
import { AnsweredOnce } from "../answered-once.ts";
import type { ObeyedLogs } from "../obeyed-logs.ts";
import type { HubPolicy } from "../queries/query-desk.ts";
import type { Audience, CallAnswer, Capability, RunningCall } from "./capability.ts";

/** By protocol: an audience, or devices: by their ids, or the names in the owner log, where none is renamed. */
export type OfferRules = Readonly<Record<string, Audience | readonly string[]>>;

export interface CallDeskParts {
  clock: Clock;
  crypto: Pick<Crypto, "sha256" | "verifyEd25519">;
  ownerRoot: string;
  /** This device's own. */
  publicKey: Uint8Array;
  logs: Pick<ObeyedLogs, "of" | "granted">;
  capabilities: { find(asked: CapabilityCall["capability"]): Capability | undefined };
  rules: OfferRules;
  policy: HubPolicy;
}

/** The caller of what nobody signed. */
const HUB = "hub";
/** At once, of all askers. */
const RUNNING_MAX = 256;
/** The largest requests of one asker, all at once. */
const UNSAID_MAX_BYTES = 64 * LINE_MAX_BYTES;

interface Running {
  call: CapabilityCall;
  capability: Capability;
  /** Takes it back, and says why. */
  end(error: MusterError): void;
}

export class CallDesk {
  readonly #parts: CallDeskParts;
  readonly #answered: AnsweredOnce;
  readonly #running = new Set<Running>();
  /** Of what the hub begins to say and does not end. */
  readonly #unsaid = new LineBudget(UNSAID_MAX_BYTES);

  constructor(parts: CallDeskParts) {
    this.#parts = parts;
    this.#answered = new AnsweredOnce(parts.clock);
  }

  /** A stream of JSON lines that the hub opened: one request, then this device's answers. */
  open(stream: TrunkStream): TrunkStreamEvents {
    let running: RunningCall | undefined;
    let hasAsked = false;
    const events: LineStreamEvents = {
      message: (value) => {
        const read = capabilityCall.safeParse(value);
        if (hasAsked || !read.success) {
          lines.close();
          return running?.cancel();
        }
        hasAsked = true;
        running = this.#begin(read.data, lines);
      },
      drain: () => running?.resume(),
      close: () => running?.cancel(),
    };
    const lines = new LineStream(events, { budget: this.#unsaid, lineMaxBytes: REQUEST_LINE_MAX_BYTES });
    lines.attach(stream);
    return lines.streamEvents;
  }

  /** The owner log has grown. */
  look(): void {
    for (const running of this.#running) {
      if (!this.#mayUse(running.call, running.capability)) running.end(noLonger());
    }
  }

  #begin(call: CapabilityCall, lines: LineStream): RunningCall | undefined {
    const say = (answer: CapabilityAnswer): void => lines.send(answer);
    try {
      const capability = this.#allowed(call);
      const payload = parsed(call.payload);
      let begun: RunningCall | undefined;
      let isTakenBack = false;
      const entry: Running = {
        call,
        capability,
        end(error) {
          answer.fail(error);
          isTakenBack = true;
          begun?.cancel();
        },
      };
      const untilMs = this.#untilMs(call);
      const answer = answerOf(call, lines, {
        ended: () => this.#running.delete(entry),
        isOver: () => this.#parts.clock.now() >= untilMs,
        end: (error) => entry.end(error),
      });
      if (call.caller !== undefined) this.#answered.take(call.caller, call.request_id);
      this.#running.add(entry);
      try {
        const running = capability.call({ payload, caller: call.caller ?? HUB }, answer);
        begun = running;
        // By what it said while it began.
        if (isTakenBack) running.cancel();
        return {
          resume: () => running.resume(),
          cancel: () => answer.end() && running.cancel(),
        };
      } catch (error) {
        answer.end();
        throw error;
      }
    } catch (error) {
      say({ type: "capability_refused", error: publicError(error).toJSON() });
      lines.end();
      return undefined;
    }
  }

  #allowed(call: CapabilityCall): Capability {
    const { crypto, logs, ownerRoot, capabilities, policy } = this.#parts;
    const problem = logs.of(ownerRoot)?.problem();
    if (problem !== undefined) throw problem;
    if (call.signature === undefined) {
      // It may ask as often as it likes, and its ids push none out that were signed.
      if (policy !== "compute") throw notByHub();
    } else {
      if (!isSignedByCaller(crypto, call)) {
        throw new MusterError("bad_signature", "the request is not signed by who it says");
      }
      this.#answered.check(call.caller, call.request_id);
    }
    const capability = capabilities.find(call.capability);
    if (capability?.offer.class !== "compute" || !this.#mayUse(call, capability)) {
      throw notOffered(call);
    }
    if (this.#running.size >= RUNNING_MAX)
      throw new MusterError("too_many", "this device has too much to do");
    return capability;
  }

  /** When the grants end by which this is asked; never for a device of this owner. */
  #untilMs(call: CapabilityCall): number {
    const { publicKey } = this.#parts;
    const { capability } = call;
    const ends = this.#grantsTo(call)
      .filter((grant) => isFor(grant, capability.protocol, publicKey))
      .map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY);
    return ends.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...ends);
  }

  /** To the caller's own key, and to the owner in whose log it stands at this moment, by this device's copy of that. */
  #grantsTo({ caller, log }: CapabilityCall): readonly Grant[] {
    const { clock, logs, ownerRoot } = this.#parts;
    const key = caller === undefined ? undefined : fromBase64Url(caller);
    const own = logs.of(ownerRoot)?.log;
    if (key === undefined || own === undefined) return [];
    const now = clock.now();
    const isOfOwner = logs.granted(log)?.roleOf(key, now) !== undefined;
    return [...own.grantsOf(key, now), ...(isOfOwner ? own.ownerGrantsOf(log, now) : [])];
  }

  #mayUse(call: CapabilityCall, { offer, audience }: Capability): boolean {
    const { caller, log } = call;
    const { clock, crypto, rules, logs, ownerRoot, publicKey } = this.#parts;
    const told = Object.hasOwn(rules, offer.protocol) ? rules[offer.protocol] : undefined;
    // The hub is neither a controller nor a name, and asks for this owner's people alone.
    if (caller === undefined) return log === ownerRoot && (told ?? audience) === "members";
    const key = fromBase64Url(caller);
    const own = logs.of(ownerRoot)?.log;
    if (key === undefined || own === undefined) return false;
    const grants = this.#grantsTo(call);
    // Whoever writes the log has let this key in; only this device's own word is narrower.
    if (grants.length > 0 && (told === undefined || told === "members")) {
      return grants.some((grant) => isFor(grant, offer.protocol, publicKey));
    }
    const rule = told ?? audience;
    if (log !== ownerRoot) return typeof rule === "string" && this.#isCoOwner(key, log);
    const role = own.roleOf(key, clock.now());
    if (rule === "controllers") return role === "controller";
    if (rule === "members") return role !== undefined;
    const name = own.participant(key)?.name ?? "";
    return role !== undefined && (rule.includes(name) || rule.includes(deviceIdOf(crypto.sha256(key))));
  }

  /** A controller of an owner with whom this device is shared; its members are nobody here. */
  #isCoOwner(key: Uint8Array, ownerRoot: string): boolean {
    const { clock, logs } = this.#parts;
    const shared = logs.of(ownerRoot);
    return shared?.refusal() === undefined && shared?.log?.mayCommand(key, clock.now()) === true;
  }
}

function isFor(grant: Grant, protocol: string, device: Uint8Array): boolean {
  return coversCapability(grant, protocol) && holdsOn(grant, toBase64Url(device));
}

/** What the capability says, on the stream, until it is over. */
function answerOf(
  { request_id }: CapabilityCall,
  lines: LineStream,
  right: {
    /** The first time that nothing more is said. */
    ended(): void;
    /** Its time is over. */
    isOver(): boolean;
    /** The answer, and what makes it. */
    end(error: MusterError): void;
  },
): CallAnswer & { /** True the first time. */ end(): boolean } {
  let isOver = false;
  const end = (): boolean => {
    if (isOver) return false;
    isOver = true;
    right.ended();
    return true;
  };
  const last = (answer: CapabilityAnswer): void => {
    if (!end()) return;
    lines.send(answer);
    lines.end();
  };
  return {
    end,
    part(data) {
      if (!isOver && right.isOver()) right.end(noLonger());
      const text = isOver ? "" : JSON.stringify(data ?? null);
      if (isTooLong(text)) right.end(tooLong());
      if (!isOver) lines.send({ type: "capability_part", request_id, data: text });
      return !lines.isFull;
    },
    done(payload) {
      const text = JSON.stringify(payload ?? null);
      const said = isTooLong(text) ? { error: tooLong().toJSON() } : { payload: text };
      last({ type: "capability_response", request_id, ...said });
    },
    fail: (error) => last({ type: "capability_response", request_id, error: error.toJSON() }),
    refuse: (error) => last({ type: "capability_refused", error: error.toJSON() }),
  };
}

/** A hub takes no longer one for an answer, and would ask the next device for the same. */
function isTooLong(text: string): boolean {
  return text.length * 3 > RELAY_MESSAGE_MAX_BYTES && utf8(text).length > RELAY_MESSAGE_MAX_BYTES;
}

function tooLong(): MusterError {
  return new MusterError("too_large", "the answer is longer than a message may be");
}

function notByHub(): MusterError {
  return new MusterError("forbidden", "the device does not let the hub ask for this by itself", {
    hint: '[policy] hub = "compute" on the device lets the hub ask by itself; or use a key: muster key create',
  });
}

/** Who may not use it is not told whether it is there. */
function notOffered({ capability, caller }: CapabilityCall): MusterError {
  const message = `this device does not offer ${capability.protocol} to this caller`;
  const hint = "[offer] on the device says who may use it; what costs money is for keys: muster key create";
  return new MusterError("not_found", message, caller === undefined ? { hint } : {});
}

function noLonger(): MusterError {
  return new MusterError("forbidden", "the key that asked may not use this any more");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MusterError("invalid", "the payload of a request is no JSON");
  }
}
