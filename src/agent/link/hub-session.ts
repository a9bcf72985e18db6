// The agent's session with its hub: dials, proves the key, checks the hub's proof, and comes back by itself.
//
//   connecting ── proved both ways ──> connected ── lost ──> connecting …
//        └────── refused for good ──> refused (tried again, slowly)
//
// Nothing from the hub is acted on before its signature was checked, but for entries of an owner log, which are
// signed themselves. What is said of the state is true at
// that moment: "connected" ends when five seconds of silence were noticed.
import { keyProver } from "../../client/prove-key.ts";
import { PendingRequests } from "../../client/pending-requests.ts";
import type { Prove } from "../../client/connection.ts";
import { readMessage } from "../../client/read-message.ts";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { fromUtf8, utf8 } from "../../protocol/bytes.ts";
import { MusterError, publicError, type ErrorCode } from "../../protocol/errors.ts";
import { REGISTER_TIMEOUT_MS, PROVEN_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import type { ClientToHub, HubMessage, HubToClient } from "../../protocol/messages.ts";
import type { DeviceKind } from "../../protocol/views.ts";
import { drain, type DrainBounds } from "../../trunk/drain.ts";
import type { Pulse } from "../../trunk/liveness.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import { Trunk, type OpenRefusal } from "../../trunk/trunk.ts";
import type { TrunkClosed } from "../../trunk/closing.ts";
import type { Timer, World } from "../../world/world.ts";
import { dialTimeoutMs, type Dialled, type TrunkAddress } from "./dial.ts";
import { watchMachine } from "./machine-watch.ts";
import { redialPauseMs, type RedialReason } from "./redial.ts";
import { dialHub, WayMemory } from "./way.ts";

const REQUEST_TIMEOUT_MS = 15_000;
/** Asking again would be answered the same way; somebody has to act first. */
const REFUSED: ReadonlySet<ErrorCode> = new Set(["superseded", "bad_signature", "forbidden", "unauthorized"]);
const REFUSED_PAUSE_MS = 30_000;

export type HubSessionState =
  | { at: "connecting"; problem: MusterError | undefined }
  | { at: "connected"; sinceMs: number; registered: HubMessage<"registered"> }
  | { at: "refused"; problem: MusterError };

type Unsent<Message> = Message extends unknown ? Omit<Message, "id"> : never;
/** A request as its caller writes it: the session gives it its id. */
export type Asked = Unsent<Extract<ClientToHub, { id: string }>>;

export interface HubSessionOptions {
  world: Pick<World, "clock" | "timers" | "random" | "network">;
  crypto: Crypto;
  signer: Signer;
  pulse: Pulse;
  log: Log;
  address: TrunkAddress;
  /** The pinned key of the hub. */
  hubKey: Uint8Array;
  about: { name: string; platform: string; kind: DeviceKind; version: string; location?: string };
  /** A device registers; a client with a controller key attaches, without presence; a guest is enrolled nowhere. */
  sessionKind: "register" | "attach" | "guest";
  /** The next session number, stored before this resolves; 0 for sessions that are not fenced. */
  nextSession(): Promise<number>;
  events: {
    state(state: HubSessionState): void;
    message(message: HubToClient): void;
    opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents;
  };
}

export class HubSession {
  readonly #options: HubSessionOptions;
  readonly #pending: PendingRequests;
  readonly #ways = new WayMemory();
  #state: HubSessionState = { at: "connecting", problem: undefined };
  #attempt: Attempt | undefined;
  #timer: Timer | undefined;
  #tries = 0;
  /** Counts up; only the newest dial counts. */
  #dials = 0;
  #dialledAtMs = -Infinity;
  #downSinceMs: number;
  #stopWatch: (() => void) | undefined;
  #stopped = false;

  constructor(options: HubSessionOptions) {
    this.#options = options;
    this.#pending = new PendingRequests(options.world.timers);
    this.#downSinceMs = options.world.clock.monotonic();
  }

  get state(): HubSessionState {
    return this.#state;
  }

  /** Of the trunk's last ping, milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#attempt?.trunk.roundTripMs;
  }

  start(): void {
    this.#stopWatch = watchMachine(this.#options.world, () => this.#redialNow());
    this.#dial();
  }

  /** Has the hub send no more requests here, lets those in flight finish, and stops. */
  async leave(bounds: DrainBounds): Promise<void> {
    const trunk = this.#state.at === "connected" ? this.#attempt?.trunk : undefined;
    if (trunk !== undefined) {
      trunk.goaway("the agent stops");
      const bytes = (): number => trunk.counters.bytesIn + trunk.counters.bytesOut;
      await drain(this.#options.world, { busy: () => trunk.isOpen && trunk.streamCount > 0, bytes }, bounds);
    }
    this.stop();
  }

  /** At once: what is in flight is cut. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#stopWatch?.();
    this.#attempt?.trunk.close("done", "the agent stops");
    this.#pending.failAll(new MusterError("unavailable", "the agent stops"));
  }

  /** Says something that needs no answer. False while there is no session, or the hub does not read. */
  send(message: ClientToHub): boolean {
    if (this.#state.at !== "connected" || this.#attempt === undefined) return false;
    return this.#attempt.trunk.message(utf8(JSON.stringify(message)));
  }

  /** For what only the hub's far side will read. In words why there is none. */
  openStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal {
    if (this.#state.at !== "connected" || this.#attempt === undefined) return "closed";
    return this.#attempt.trunk.open(payload, events);
  }

  /** Rejects with the hub's refusal, or `hub_unreachable` when there is no session or no answer in time. */
  async request<Type extends HubToClient["type"]>(asked: Asked, type: Type): Promise<HubMessage<Type>> {
    if (this.#state.at !== "connected") throw this.#unreachable();
    const { id, answer } = this.#pending.add(`"${asked.type}"`, REQUEST_TIMEOUT_MS);
    // When it can't be sent, nobody waits for the answer that then fails.
    answer.catch(() => {});
    if (!this.send({ ...asked, id })) throw this.#unreachable();
    const message = await answer;
    if (message.type !== type) {
      throw new MusterError("protocol_error", `the hub answered "${asked.type}" with "${message.type}"`);
    }
    // Compared on the line above; TypeScript does not narrow by a type parameter.
    return message as HubMessage<Type>;
  }

  #unreachable(): MusterError {
    const problem = this.#state.at === "connected" ? undefined : this.#state.problem;
    return new MusterError("hub_unreachable", `the hub at ${this.#options.address.url} is out of reach`, {
      hint: problem?.message ?? "it is dialled again by itself: see `muster status`",
    });
  }

  #dial(): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#dials += 1;
    this.#dialledAtMs = this.#options.world.clock.monotonic();
    const dial = this.#dials;
    this.#connect(dial).catch((error: unknown) => {
      // One that hung from before the network changed has nothing to say about the session of today.
      if (dial === this.#dials) this.#failed(publicError(error));
    });
  }

  async #connect(dial: number): Promise<void> {
    const { world, address, nextSession } = this.#options;
    const session = await nextSession();
    const timeoutMs = dialTimeoutMs(this.#tries);
    const dialled = await dialHub(world, { address, timeoutMs }, this.#ways);
    if (this.#stopped || dial !== this.#dials) return dialled.wire.close();
    this.#attempt = new Attempt(this.#options, dialled, session, {
      ready: (registered) => {
        this.#ways.worked(dialled.way);
        this.#ready(registered);
      },
      message: (message) => this.#message(message),
      closed: (closed) => this.#closed(closed),
    });
  }

  #ready(registered: HubMessage<"registered">): void {
    const { clock } = this.#options.world;
    this.#tries = 0;
    this.#become({ at: "connected", sinceMs: clock.now(), registered });
  }

  #message(message: HubToClient): void {
    if (this.#pending.settle(message)) return;
    if (message.type === "reconnect") {
      const problem = new MusterError("unavailable", "the hub asked to come back");
      this.#lose(problem);
      this.#become({ at: "connecting", problem });
      return this.#schedule({ type: "asked", afterMs: message.after_ms });
    }
    this.#options.events.message(message);
  }

  #closed(closed: TrunkClosed): void {
    const code = REFUSED.has(closed.code as ErrorCode) ? (closed.code as ErrorCode) : "hub_unreachable";
    this.#failed(new MusterError(code, closed.reason));
  }

  #failed(problem: MusterError): void {
    if (this.#stopped) return;
    this.#lose(problem);
    if (REFUSED.has(problem.code)) {
      this.#become({ at: "refused", problem });
      this.#timer = this.#options.world.timers.after(REFUSED_PAUSE_MS, () => this.#dial());
      return;
    }
    this.#become({ at: "connecting", problem });
    this.#schedule({ type: "lost" });
  }

  /** The trunk is given up, if there was one, and so is a dial that is under way. */
  #lose(problem: MusterError): void {
    this.#dials += 1;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.drop();
    if (this.#state.at === "connected") this.#downSinceMs = this.#options.world.clock.monotonic();
    this.#pending.failAll(new MusterError("hub_unreachable", problem.message, { cause: problem }));
  }

  #schedule(reason: RedialReason): void {
    const { clock, random, timers } = this.#options.world;
    const nowMs = clock.monotonic();
    const state = { tries: this.#tries, downMs: nowMs - this.#downSinceMs };
    this.#tries += 1;
    this.#timer?.cancel();
    const pauseMs = redialPauseMs(reason, state, random.fraction());
    // A dial that hung has been a pause already.
    const spentMs = state.tries > 0 && reason.type === "lost" ? nowMs - this.#dialledAtMs : 0;
    this.#timer = timers.after(Math.max(0, pauseMs - spentMs), () => this.#dial());
  }

  /** The network changed or the machine woke: what was there is not believed any more. */
  #redialNow(): void {
    if (this.#stopped) return;
    this.#options.log.info("network changed or machine woke, dialling the hub anew");
    this.#lose(new MusterError("hub_unreachable", "the network changed"));
    this.#become({ at: "connecting", problem: undefined });
    this.#schedule({ type: "network_changed" });
  }

  #become(state: HubSessionState): void {
    this.#state = state;
    this.#options.events.state(state);
  }
}

interface AttemptEvents {
  ready(registered: HubMessage<"registered">): void;
  message(message: HubToClient): void;
  closed(closed: TrunkClosed): void;
}

/** One connection, from the greeting to its end. Once dropped it says nothing more. */
class Attempt {
  readonly trunk: Trunk;
  readonly #events: AttemptEvents;
  readonly #log: Log;
  readonly #prove: Prove;
  readonly #limit: Timer;
  #check: ((registered: HubMessage<"registered">) => Promise<void> | void) | undefined;
  #phase: "greeting" | "proving" | "checking" | "ready" | "dropped" = "greeting";
  #early: HubToClient[] = [];

  constructor(options: HubSessionOptions, dialled: Dialled, session: number, events: AttemptEvents) {
    this.#events = events;
    this.#log = options.log;
    this.#prove = keyProver({
      crypto: options.crypto,
      signer: options.signer,
      sessionKind: options.sessionKind,
      session,
      binding: dialled.binding,
      url: options.address.url,
      hubKey: options.hubKey,
      ...options.about,
    });
    this.trunk = new Trunk({
      role: "agent",
      stream: dialled.wire,
      timers: options.world.timers,
      clock: options.world.clock,
      pulse: options.pulse,
      events: {
        opened: (stream, payload) => {
          if (this.#phase !== "ready")
            throw new MusterError("protocol_error", "a stream before the hub's proof");
          return options.events.opened(stream, payload);
        },
        message: (bytes) => this.#receive(bytes),
        goaway: () => {},
        closed: (closed) => this.#closed(closed),
        failed: (error) => this.#log.error("fault in a stream", { error }),
      },
    });
    this.#limit = options.world.timers.after(REGISTER_TIMEOUT_MS, () =>
      this.trunk.close("unavailable", "the hub did not finish the greeting in time"),
    );
    dialled.take(this.trunk.wire);
  }

  drop(): void {
    if (this.#phase === "dropped") return;
    this.#phase = "dropped";
    this.#limit.cancel();
    this.trunk.close("done", "dialling anew");
  }

  #closed(closed: TrunkClosed): void {
    this.#limit.cancel();
    if (this.#phase === "dropped") return;
    this.#phase = "dropped";
    this.#events.closed(closed);
  }

  #receive(bytes: Uint8Array): void {
    try {
      const message = readMessage(fromUtf8(bytes));
      if (message !== undefined) this.#handle(message);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #handle(message: HubToClient): void {
    if (this.#phase === "ready") return this.#events.message(message);
    if (message.type === "error") return this.trunk.close(message.code, message.message);
    if (this.#phase === "greeting" && message.type === "hello") {
      this.#phase = "proving";
      this.#step(this.#answerHello(message));
    } else if (this.#phase === "proving" && message.type === "registered" && this.#check !== undefined) {
      const checked = this.#check(message);
      // At once where it can be: a stream may follow in the same read.
      if (checked === undefined) return this.#begin(message);
      this.#phase = "checking";
      this.#step(this.#finish(checked, message));
    } else if (this.#phase === "checking") {
      this.#early.push(message);
    } else if (message.type === "log_entries") {
      // They prove themselves, or don't: what a hub shows of a log to a key that it then refuses.
      this.#events.message(message);
    } else {
      throw new MusterError("protocol_error", `the hub sent "${message.type}" out of turn`);
    }
  }

  async #answerHello(hello: HubMessage<"hello">): Promise<void> {
    const { register, check } = await this.#prove(hello);
    this.#check = check;
    this.trunk.message(utf8(JSON.stringify(register)));
  }

  async #finish(checked: Promise<void>, registered: HubMessage<"registered">): Promise<void> {
    await checked;
    if (this.#phase === "checking") this.#begin(registered);
  }

  #begin(registered: HubMessage<"registered">): void {
    this.#phase = "ready";
    this.#limit.cancel();
    this.trunk.allowMessages(PROVEN_MESSAGE_MAX_BYTES);
    this.#events.ready(registered);
    for (const message of this.#early.splice(0)) this.#events.message(message);
  }

  #step(work: Promise<void>): void {
    work.catch((error: unknown) => this.#refuse(error));
  }

  #refuse(error: unknown): void {
    const { code, message } = publicError(error);
    if (code === "internal") this.#log.error("fault in the session with the hub", { error });
    this.trunk.close(code, message);
  }
}
