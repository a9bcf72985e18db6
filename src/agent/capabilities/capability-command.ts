// The command `capability`: what this device can do, by a controller's order in a sealed session, so that the hub sees
// neither the request nor the answer. Both are JSON lines on the output channel, parts first:
//
//   {"part": …}      any number
//   {"payload": …}   the last
import { CHANNEL, type SealedOutcome, type SealedRequest } from "../../protocol/command-messages.ts";
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { CAPABILITY_WAITS } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { ByteQueue } from "../../trunk/byte-queue.ts";
import type { Timers } from "../../world/world.ts";
import type { CommandKind, CommandPeer } from "../exec/command-kind.ts";
import type { CallAnswer, Capability } from "./capability.ts";

export interface CapabilityCommandParts {
  timers: Pick<Timers, "after" | "soon">;
  capabilities: { find(asked: { protocol: string; version: string }): Capability | undefined };
}

const PIECE_BYTES = 32 * 1024;
/** What waits unsent beyond this holds the capability back. */
const ROOM_BYTES = 64 * 1024;
/** Whoever goes on all the same has failed. */
const WAITING_MAX_BYTES = 8 * 1024 * 1024;

export function capabilityCommand(parts: CapabilityCommandParts): CommandKind<SealedRequest<"capability">> {
  return {
    async start({ protocol, version, payload, timeout_ms: timeoutMs }, { peer, signer }) {
      const capability = parts.capabilities.find({ protocol, version });
      if (capability === undefined) {
        throw new MusterError("not_found", `this device does not offer ${protocol} ${version}`, {
          hint: "`muster device show NAME` lists what it offers",
        });
      }
      const caller = toBase64Url(signer);
      const { promise: outcome, resolve } = Promise.withResolvers<SealedOutcome>();
      const told = new ToldAnswer(peer, parts.timers, resolve);
      const running = capability.call({ payload: parsed(payload), caller }, told);
      told.resumed = () => running.resume();
      const end = (error: MusterError): void => {
        if (told.isOver) return;
        running.cancel();
        told.fail(error);
      };
      const late = parts.timers.after(timeoutMs ?? CAPABILITY_WAITS.allMs, () =>
        end(new MusterError("capability_timeout", `${protocol} took too long`)),
      );
      void outcome.then(() => late.cancel());
      return {
        facts: { protocol, version: capability.offer.version },
        outcome,
        input: (bytes) => peer.inputTaken(bytes.length),
        message: ({ type }) => type === "signal" && end(new MusterError("unavailable", "it was taken back")),
        drain: () => told.flush(),
        left: () => end(new MusterError("unavailable", "nobody waits for the answer")),
        revoke: () => end(new MusterError("forbidden", "who ordered this may not command any more")),
      };
    },
  };
}

/** What the capability says, to the far end; the outcome follows when all of it has been sent. */
class ToldAnswer implements CallAnswer {
  /** The far end takes more again. */
  resumed = (): void => {};
  readonly #peer: CommandPeer;
  readonly #settle: (outcome: SealedOutcome) => void;
  readonly #waiting = new ByteQueue();
  #outcome: SealedOutcome | undefined;
  #isStarted = false;

  constructor(peer: CommandPeer, timers: Pick<Timers, "soon">, settle: (outcome: SealedOutcome) => void) {
    this.#peer = peer;
    this.#settle = settle;
    // Its first bytes come behind the word that it was accepted.
    timers.soon(() => {
      this.#isStarted = true;
      this.flush();
    });
  }

  get isOver(): boolean {
    return this.#outcome !== undefined;
  }

  part(data: unknown): boolean {
    if (this.isOver) return true;
    this.#say({ part: data });
    if (this.#waiting.length > WAITING_MAX_BYTES) {
      this.fail(new MusterError("unavailable", "the asker does not take what it asked for"));
    }
    return this.#waiting.length <= ROOM_BYTES;
  }

  done(payload: unknown): void {
    if (this.isOver) return;
    this.#say({ payload: payload ?? null });
    this.#end({ result: {} });
  }

  fail(error: MusterError): void {
    if (!this.isOver) this.#end({ error: error.toJSON() });
  }

  refuse(error: MusterError): void {
    this.fail(error);
  }

  flush(): void {
    if (!this.#isStarted) return;
    const wasFull = this.#waiting.length > ROOM_BYTES;
    while (this.#peer.roomBytes > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const piece = next.subarray(0, Math.min(PIECE_BYTES, this.#peer.roomBytes));
      if (piece.length < next.length) this.#waiting.unshift(next.subarray(piece.length));
      if (!this.#peer.send(CHANNEL.output, piece)) break;
    }
    if (this.#outcome !== undefined && this.#waiting.length === 0) return this.#settle(this.#outcome);
    if (wasFull && this.#waiting.length <= ROOM_BYTES) this.resumed();
  }

  #say(line: object): void {
    this.#waiting.push(utf8(`${JSON.stringify(line)}\n`));
    this.flush();
  }

  #end(outcome: SealedOutcome): void {
    this.#outcome = outcome;
    // An error comes at once: what nobody has read by now is of no use.
    if (outcome.error !== undefined) return this.#settle(outcome);
    this.flush();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MusterError("invalid", "the payload of a request is no JSON");
  }
}
