// One call of a plugin, from both sides: what the plugin says of it goes to the asker, until one of them is done. An
// asker who takes nothing for long loses the call, so that it never holds up those of others.
import { MusterError } from "../../protocol/errors.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { CallAnswer } from "../capabilities/capability.ts";
import { CALL_SILENCE_MS } from "./plugin.ts";
import { problemOf, type RpcReply } from "./rpc.ts";

export interface PluginCallParts {
  timers: Pick<Timers, "after">;
  /** Of the plugin. */
  name: string;
  answer: CallAnswer;
  /** The plugin is to write no more until `released`. */
  held(): void;
  released(): void;
  /** It was given up here: the plugin is to stop. */
  cancelled(): void;
}

const HELD_MAX_MS = 10_000;

export class PluginCall {
  readonly #parts: PluginCallParts;
  #hasBegun = false;
  #isOver = false;
  #silence: Timer;
  #held: Timer | undefined;

  constructor(parts: PluginCallParts) {
    this.#parts = parts;
    this.#silence = this.#watch();
  }

  /** False: no more until `released`. */
  part(data: unknown): boolean {
    if (this.#isOver) return true;
    this.#hasBegun = true;
    this.#silence.cancel();
    this.#silence = this.#watch();
    if (this.#parts.answer.part(data)) return true;
    if (this.#held !== undefined) return false;
    this.#parts.held();
    this.#held = this.#parts.timers.after(HELD_MAX_MS, () =>
      this.#giveUp(new MusterError("unavailable", "the asker does not take what it asked for")),
    );
    return false;
  }

  reply(reply: RpcReply): void {
    if (!this.#end()) return;
    const { answer, name } = this.#parts;
    if ("result" in reply) return answer.done(reply.result);
    const { error, isRefusal } = problemOf(name, reply.error);
    if (isRefusal && !this.#hasBegun) answer.refuse(error);
    else answer.fail(error);
  }

  /** The plugin is gone. */
  lost(error: MusterError): void {
    if (!this.#end()) return;
    if (this.#hasBegun) this.#parts.answer.fail(error);
    else this.#parts.answer.refuse(error);
  }

  /** The asker takes more again. */
  resume(): void {
    this.#held?.cancel();
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#parts.released();
  }

  /** The asker has gone. */
  cancel(): void {
    if (this.#end()) this.#parts.cancelled();
  }

  #giveUp(error: MusterError): void {
    if (!this.#end()) return;
    this.#parts.answer.fail(error);
    this.#parts.cancelled();
  }

  #watch(): Timer {
    return this.#parts.timers.after(CALL_SILENCE_MS, () =>
      this.#giveUp(new MusterError("capability_timeout", `the plugin ${this.#parts.name} went silent`)),
    );
  }

  /** True the first time. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#silence.cancel();
    this.resume();
    return true;
  }
}
