// One life of a plugin's program: from its start, over what it is asked on its standard input and says on its standard
// output, to its end. It is not trusted to behave: what is no message, an overlong line, or a call that it will not end
// costs it its life, and its whole process group goes with it.
import { fromUtf8, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { PipedProgram, Timer } from "../../world/world.ts";
import type { CallAnswer, CallRequest, RunningCall } from "../capabilities/capability.ts";
import { LineSplitter } from "./line-splitter.ts";
import { PLUGIN_CALLS_MAX, QUERY_TIMEOUT_MS, type PluginParts } from "./plugin.ts";
import { PluginCall } from "./plugin-call.ts";
import { PluginRemarks } from "./plugin-remarks.ts";
import {
  CONTRACT,
  problemOf,
  readLine,
  RPC_LINE_MAX_BYTES,
  rpcNotification,
  rpcRefusal,
  rpcRequest,
  type RpcReply,
} from "./rpc.ts";

export interface ProcessGiven {
  name: string;
  command: readonly string[];
  folder: string;
  /** It answered for the first time. */
  ready(): void;
  /** Once; nothing of it runs any more. */
  ended(reason: string): void;
}

const HELLO_TIMEOUT_MS = 10_000;
/** A call that was taken back is answered in this time, or its plugin begins anew. */
const CANCEL_TIMEOUT_MS = 30_000;
/** Messages to calls that are none: a few may cross an end. */
const STRAYS_MAX = 1000;
/** What is read of its standard error in one second. */
const FLOOD_BYTES = 256 * 1024;
const FLOOD_WINDOW_MS = 1000;
const TERM_AFTER_MS = 1000;
const KILL_AFTER_MS = 3000;

export class PluginProcess {
  readonly #parts: PluginParts;
  readonly #given: ProcessGiven;
  readonly #program: PipedProgram;
  readonly #remarks: PluginRemarks;
  readonly #lines: LineSplitter;
  readonly #pending = new Map<number, (reply: RpcReply) => void>();
  readonly #calls = new Map<string, PluginCall>();
  /** Why its outputs are not read now: calls whose asker is slow, or a flood. */
  readonly #holding = new Set<PluginCall | "flood">();
  #flood = { bytes: 0, atMs: 0 };
  readonly #timers = new Set<Timer>();
  #nextId = 1;
  #strays = 0;
  /** It reads slower than it is asked. */
  #isBlocked = false;
  #isOver = false;
  #failure: string | undefined;
  #ending = Promise.withResolvers<void>();

  constructor(parts: PluginParts, given: ProcessGiven) {
    this.#parts = parts;
    this.#given = given;
    this.#remarks = new PluginRemarks(parts, given.name);
    this.#lines = new LineSplitter(RPC_LINE_MAX_BYTES, {
      line: (bytes) => this.#line(bytes),
      overlong: () => this.#fail("it wrote a line that is too long"),
    });
    this.#program = parts.programs.piped({
      command: [...given.command],
      cwd: given.folder,
      environment: parts.environment,
      input: true,
      output: (from, bytes) => (from === "stdout" ? this.#said(bytes) : this.#remarked(bytes)),
      inputDrained: () => (this.#isBlocked = false),
      ended: (code, signal) => this.#ended(code, signal),
    });
    parts.leftovers.began(this.#program.pid);
    const late = this.#after(HELLO_TIMEOUT_MS, () => this.#fail("it did not answer in time"));
    this.#ask("plugin.hello", { name: given.name, contract: CONTRACT }, () => {
      late.cancel();
      // Its end answers what is still open.
      if (!this.#isOver) given.ready();
    });
  }

  /** Throws a refusal. */
  call(asked: { protocol: string; version: string }, request: CallRequest, answer: CallAnswer): RunningCall {
    if (this.#calls.size >= PLUGIN_CALLS_MAX || this.#isBlocked || this.#isOver) {
      throw new MusterError("too_many", `the plugin ${this.#given.name} has too much to do`);
    }
    const requestId = `call-${this.#nextId}`;
    const call: PluginCall = new PluginCall({
      timers: this.#parts.timers,
      name: this.#given.name,
      answer,
      held: () => this.#hold(call),
      released: () => this.#release(call),
      cancelled: () => this.#cancel(requestId),
    });
    this.#calls.set(requestId, call);
    const { payload, caller } = request;
    this.#ask("capability.call", { request_id: requestId, ...asked, payload, caller }, (reply) => {
      this.#calls.delete(requestId);
      call.reply(reply);
    });
    return { resume: () => call.resume(), cancel: () => call.cancel() };
  }

  query(name: string, params: unknown): Promise<unknown> {
    if (this.#pending.size >= 2 * PLUGIN_CALLS_MAX || this.#isBlocked || this.#isOver) {
      return Promise.reject(new MusterError("too_many", `the plugin ${this.#given.name} has too much to do`));
    }
    return new Promise((resolve, reject) => {
      const late = this.#after(QUERY_TIMEOUT_MS, () => {
        // Its place is another's; an answer that comes all the same is a stray.
        this.#pending.delete(id);
        reject(new MusterError("capability_timeout", `the plugin ${this.#given.name} did not answer`));
      });
      const id = this.#ask("query", { name, params }, (reply) => {
        late.cancel();
        if ("result" in reply) resolve(reply.result);
        else reject(problemOf(this.#given.name, reply.error).error);
      });
    });
  }

  /** Asks it to end, then makes it. */
  stop(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#failure ??= "it was stopped";
    this.#program.endInput();
    this.#resume();
    this.#after(TERM_AFTER_MS, () => this.#program.signal("TERM"));
    this.#after(KILL_AFTER_MS, () => this.#program.signal("KILL"));
    return this.#ending.promise;
  }

  #ask(method: string, params: object, replied: (reply: RpcReply) => void): number {
    const id = this.#nextId++;
    this.#pending.set(id, replied);
    this.#send(rpcRequest(id, method, params));
    return id;
  }

  #send(message: object): void {
    if (this.#isOver) return;
    if (!this.#program.write(utf8(`${JSON.stringify(message)}\n`))) this.#isBlocked = true;
  }

  /** No more of it is read than a second is worth: whoever writes for ever waits instead of keeping this agent busy. */
  #remarked(bytes: Uint8Array): void {
    this.#remarks.push(bytes);
    const now = this.#parts.clock.monotonic();
    if (now - this.#flood.atMs >= FLOOD_WINDOW_MS) this.#flood = { bytes: 0, atMs: now };
    this.#flood.bytes += bytes.length;
    if (this.#flood.bytes < FLOOD_BYTES || this.#failure !== undefined || this.#holding.has("flood")) return;
    this.#hold("flood");
    this.#after(FLOOD_WINDOW_MS, () => this.#release("flood"));
  }

  #said(bytes: Uint8Array): void {
    if (this.#failure === undefined) this.#lines.push(bytes);
  }

  #line(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    const said = readLine(bytes);
    if (said === undefined) {
      return this.#fail(`it wrote what is no JSON-RPC message: ${JSON.stringify(shown(bytes))}`);
    }
    switch (said.kind) {
      case "reply": {
        const replied = this.#pending.get(said.id);
        this.#pending.delete(said.id);
        return replied === undefined ? this.#stray() : replied(said.reply);
      }
      case "part": {
        const call = this.#calls.get(said.requestId);
        if (call === undefined) this.#stray();
        else call.part(said.data);
        return;
      }
      case "request":
        if (!this.#isBlocked) this.#send(rpcRefusal(said.id));
        return this.#stray();
      case "other":
        return this.#stray();
    }
  }

  #stray(): void {
    this.#strays += 1;
    if (this.#strays > STRAYS_MAX) this.#fail("it goes on about what it was not asked");
  }

  #cancel(requestId: string): void {
    this.#send(rpcNotification("capability.cancel", { request_id: requestId }));
    this.#after(CANCEL_TIMEOUT_MS, () => {
      if (this.#calls.has(requestId)) this.#fail("it did not end a call that was taken back");
    });
  }

  #hold(why: PluginCall | "flood"): void {
    if (this.#holding.size === 0) this.#program.pause();
    this.#holding.add(why);
  }

  #release(why: PluginCall | "flood"): void {
    if (this.#holding.delete(why) && this.#holding.size === 0) this.#program.resume();
  }

  /** Its end is only told once its outputs are read. */
  #resume(): void {
    this.#holding.clear();
    this.#program.resume();
  }

  #fail(reason: string): void {
    if (this.#isOver || this.#failure !== undefined) return;
    this.#failure = reason;
    this.#resume();
    this.#program.signal("KILL");
  }

  #ended(code: number | null, signal: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
    // What it has left behind goes too.
    this.#program.signal("KILL");
    this.#parts.leftovers.ended(this.#program.pid);
    const own = signal === null ? `it ended with exit code ${code ?? "?"}` : `it was ended by ${signal}`;
    const last = this.#remarks.last;
    const reason = this.#failure ?? (last === undefined ? own : `${own}: ${last}`);
    const lost = new MusterError("unavailable", `the plugin ${this.#given.name} went away`);
    for (const call of this.#calls.values()) call.lost(lost);
    this.#calls.clear();
    for (const replied of this.#pending.values()) replied({ error: { code: 0, message: "it went away" } });
    this.#pending.clear();
    this.#ending.resolve();
    this.#given.ended(reason);
  }

  #after(delayMs: number, run: () => void): Timer {
    const timer = this.#parts.timers.after(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }
}

const SHOWN_BYTES = 80;

function shown(line: Uint8Array): string {
  return fromUtf8(line.subarray(0, SHOWN_BYTES)) ?? "bytes that are no text";
}
