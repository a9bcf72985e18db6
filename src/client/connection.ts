// A connection to a hub that keeps itself: dials, proves the key, notices silence, comes back by itself.
//
// What it says of itself is true at that moment: "ready" only after both ends have proved who they are, and
// no longer than until 5 s of silence.
import { MusterError, publicError, type ErrorCode } from "../protocol/errors.ts";
import type { ClientMessage, ClientToHub, HubMessage, HubToClient } from "../protocol/messages.ts";
import { refuseStream } from "./refuse-stream.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { OpenRefusal } from "../trunk/trunk.ts";
import type { Timer, World } from "../world/world.ts";
import { backOffMs, type BackOff } from "./back-off.ts";
import { PendingRequests, refusalOf } from "./pending-requests.ts";
import { readMessage } from "./read-message.ts";
import { openLine, type Line } from "./line.ts";
import type { ClientSocket, OpenSocket } from "./socket.ts";

/** From dialling to "registered": a hub gives 5 s for the proof, and a slow network may need as long to connect. */
const OPENING_MS = 10_000;
/** After a wake: a network that changed meanwhile often says nothing, so the hub has this long to answer. */
const PROBE_MS = 2_000;
const REQUEST_MS = 15_000;
const BACK_OFF: BackOff = { firstMs: 300, mostMs: 10_000 };
/** What may arrive between "registered" and the end of checking its signature. */
const EARLY_MAX = 64;

/** Trying again would be answered the same way; somebody has to act first. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  "unauthorized",
  "forbidden",
  "bad_signature",
  "superseded",
  "token_invalid",
]);

/** Makes the answer to `hello`; what it returns checks `registered` (throws `bad_signature`). */
export type Prove = (hello: HubMessage<"hello">) => Promise<{
  register: ClientMessage<"register">;
  check: (registered: HubMessage<"registered">) => Promise<void> | void;
}>;

export type ConnectionState =
  | { at: "connecting" }
  | { at: "ready"; registered: HubMessage<"registered"> }
  /** Times in milliseconds since the epoch. `opened` says whether the hub answered before this attempt failed. */
  | { at: "waiting"; retryAt: number; problem: MusterError; opened: boolean }
  /** For good: closed by its owner (no problem), or refused in a way that trying again does not change. */
  | { at: "ended"; problem: MusterError | null };

export interface ConnectionOptions {
  /** `ws:` or `wss:` URL of the hub's `/ws`. */
  url: string;
  openSocket: OpenSocket;
  world: Pick<World, "clock" | "timers" | "random">;
  prove: Prove;
  onState(state: ConnectionState): void;
  /** What the hub says unasked. */
  onMessage(message: HubToClient): void;
  /** The hub opened a stream; without this every one is refused. */
  opened?(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents;
  /** Called whenever anything came from the hub: every 2 s at least, while it is there. */
  onHeard?(): void;
}

type WithId = Extract<ClientToHub, { id: string }>;
type Unsent<Message> = Message extends unknown ? Omit<Message, "id"> : never;
/** A request as its caller writes it: the connection gives it its id. */
export type Asked = Unsent<WithId>;

export interface Connection {
  /** Rejects with the hub's refusal, or `unavailable` when there is no connection or no answer in time. */
  request(asked: Asked, timeoutMs?: number): Promise<HubToClient>;
  /** What asks for no answer. False while there is no connection. */
  send(message: ClientToHub): boolean;
  /** A stream towards the hub; in words why there is none. */
  openStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal;
  /** Dials now instead of at the end of the back-off; while connected, checks that the hub still answers. */
  wake(): void;
  close(): void;
}

/** Starts dialling at once. */
export function connect(options: ConnectionOptions): Connection {
  const connection = new HubConnection(options);
  connection.start();
  return connection;
}

/** One attempt: a line and how far its handshake came. */
interface Attempt {
  line: Line;
  phase: "dialling" | "greeted" | "proving" | "ready";
  check?: (registered: HubMessage<"registered">) => Promise<void> | void;
  early: HubToClient[];
}

class HubConnection implements Connection {
  readonly #options: ConnectionOptions;
  readonly #pending: PendingRequests;
  #state: ConnectionState = { at: "connecting" };
  #attempt: Attempt | undefined;
  #timer: Timer | undefined;
  #failures = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#pending = new PendingRequests(options.world.timers);
  }

  start(): void {
    this.#dial();
  }

  async request(asked: Asked, timeoutMs = REQUEST_MS): Promise<HubToClient> {
    const attempt = this.#attempt;
    if (this.#state.at !== "ready" || attempt === undefined) {
      throw new MusterError(
        "unavailable",
        `cannot ask the hub (${asked.type}): there is no connection to it`,
      );
    }
    const { id, answer } = this.#pending.add(`"${asked.type}"`, timeoutMs);
    attempt.line.send(JSON.stringify({ ...asked, id }));
    return answer;
  }

  send(message: ClientToHub): boolean {
    if (this.#state.at !== "ready" || this.#attempt === undefined) return false;
    this.#attempt.line.send(JSON.stringify(message));
    return true;
  }

  openStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal {
    if (this.#state.at !== "ready" || this.#attempt === undefined) return "closed";
    return this.#attempt.line.open(payload, events);
  }

  wake(): void {
    if (this.#state.at === "waiting") this.#dial();
    else if (this.#state.at === "ready") this.#probe();
  }

  close(): void {
    if (this.#state.at === "ended") return;
    this.#end(null);
  }

  #dial(): void {
    this.#timer?.cancel();
    this.#become({ at: "connecting" });
    // By whoever has just heard of it.
    if (this.#state.at === "ended") return;
    let socket: ClientSocket;
    try {
      socket = this.#options.openSocket(this.#options.url);
    } catch (error) {
      const problem = new MusterError("hub_unreachable", `cannot open ${this.#options.url}`, {
        cause: error,
      });
      return this.#wait(problem, false);
    }
    const line = openLine(socket, this.#options.world, {
      message: (text) => this.#receive(attempt, text),
      heard: () => this.#options.onHeard?.(),
      opened: (stream, payload) => this.#opened(attempt, stream, payload),
      lost: (problem) => this.#lose(attempt, problem),
    });
    const attempt: Attempt = { line, phase: "dialling", early: [] };
    this.#attempt = attempt;
    this.#timer = this.#options.world.timers.after(OPENING_MS, () =>
      this.#lose(
        attempt,
        new MusterError("hub_unreachable", `the hub did not greet within ${OPENING_MS / 1000} s`),
      ),
    );
  }

  #opened(attempt: Attempt, stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents {
    const { opened } = this.#options;
    if (attempt === this.#attempt && attempt.phase === "ready" && opened !== undefined) {
      return opened(stream, payload);
    }
    return refuseStream(stream);
  }

  #receive(attempt: Attempt, text: string | undefined): void {
    if (attempt !== this.#attempt) return;
    try {
      const message = readMessage(text);
      if (message !== undefined) this.#handle(attempt, message);
    } catch (error) {
      this.#lose(attempt, publicError(error));
    }
  }

  #handle(attempt: Attempt, message: HubToClient): void {
    if (attempt.phase === "ready") return this.#deliver(attempt, message);
    if (message.type === "error") return this.#lose(attempt, refusalOf(message));
    if (attempt.phase === "dialling" && message.type === "hello") {
      attempt.phase = "greeted";
      return this.#step(attempt, this.#answerHello(attempt, message));
    }
    if (attempt.phase === "greeted" && message.type === "registered" && attempt.check !== undefined) {
      attempt.phase = "proving";
      return this.#step(attempt, this.#finish(attempt, attempt.check(message), message));
    }
    if (attempt.phase === "proving" && attempt.early.length < EARLY_MAX) {
      attempt.early.push(message);
      return;
    }
    throw new MusterError("protocol_error", `the hub sent "${message.type}" out of turn`);
  }

  async #answerHello(attempt: Attempt, hello: HubMessage<"hello">): Promise<void> {
    const proof = await this.#options.prove(hello);
    if (attempt !== this.#attempt) return;
    attempt.check = proof.check;
    attempt.line.send(JSON.stringify(proof.register));
  }

  async #finish(
    attempt: Attempt,
    checked: Promise<void> | void,
    registered: HubMessage<"registered">,
  ): Promise<void> {
    await checked;
    if (attempt !== this.#attempt) return;
    attempt.phase = "ready";
    attempt.line.trust();
    this.#timer?.cancel();
    this.#failures = 0;
    this.#become({ at: "ready", registered });
    for (const message of attempt.early.splice(0)) {
      // Each may end it, and so may whoever hears of it.
      if (attempt === this.#attempt) this.#deliver(attempt, message);
    }
  }

  #step(attempt: Attempt, work: Promise<void>): void {
    work.catch((error: unknown) => this.#lose(attempt, publicError(error)));
  }

  #deliver(attempt: Attempt, message: HubToClient): void {
    if (message.type === "reconnect") return this.#comeBackLater(attempt, message.after_ms);
    if (this.#pending.settle(message)) return;
    if (message.type === "error" && message.id === undefined) return this.#lose(attempt, refusalOf(message));
    this.#options.onMessage(message);
  }

  #probe(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    const problem = new MusterError("hub_unreachable", `the hub did not answer within ${PROBE_MS / 1000} s`);
    this.request({ type: "fleet_get" }, PROBE_MS).then(
      (answer) => this.#options.onMessage(answer),
      // A refusal is an answer too: the hub is there.
      (error: unknown) => {
        if (error instanceof MusterError && error.code === "unavailable") this.#lose(attempt, problem);
      },
    );
  }

  #comeBackLater(attempt: Attempt, afterMs: number): void {
    this.#drop(attempt, new MusterError("unavailable", "the hub asked to come back later"));
    this.#waitFor(afterMs, new MusterError("unavailable", "the hub is restarting"), true);
  }

  #lose(attempt: Attempt, problem: MusterError): void {
    if (attempt !== this.#attempt) return;
    const opened = attempt.phase !== "dialling";
    this.#drop(
      attempt,
      new MusterError("unavailable", "the connection to the hub was lost", { cause: problem }),
    );
    if (FINAL.has(problem.code)) this.#end(problem);
    else this.#wait(problem, opened);
  }

  #drop(attempt: Attempt, problem: MusterError): void {
    this.#attempt = undefined;
    this.#timer?.cancel();
    attempt.line.drop();
    this.#pending.failAll(problem);
  }

  #wait(problem: MusterError, opened: boolean): void {
    this.#failures += 1;
    this.#waitFor(
      backOffMs(this.#failures, this.#options.world.random.fraction(), BACK_OFF),
      problem,
      opened,
    );
  }

  #waitFor(delayMs: number, problem: MusterError, opened: boolean): void {
    const { clock, timers } = this.#options.world;
    this.#timer = timers.after(delayMs, () => this.#dial());
    this.#become({ at: "waiting", retryAt: clock.now() + delayMs, problem, opened });
  }

  #end(problem: MusterError | null): void {
    if (this.#attempt !== undefined)
      this.#drop(this.#attempt, new MusterError("unavailable", "the connection was closed"));
    this.#timer?.cancel();
    this.#become({ at: "ended", problem });
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
