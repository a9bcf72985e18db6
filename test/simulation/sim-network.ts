// The network between simulated hosts: who listens where, and how connections come about. Every process gets
// a `Network` of its own from here, so that all that it opened ends with it.
import { MusterError } from "../../src/protocol/errors.ts";
import type {
  ConnectOptions,
  ListenOptions,
  Listener,
  Network,
  ServeOptions,
  Socket,
  Timer,
} from "../../src/world/world.ts";
import { SimPaths, type PathTraits } from "./sim-paths.ts";
import type { Wiring } from "./sim-pipe.ts";
import type { SimProcess } from "./sim-process.ts";
import type { SeededRandom } from "./sim-random.ts";
import { SimSocket, type Death } from "./sim-socket.ts";
import type { SimTime } from "./sim-time.ts";

export interface NetworkPlace {
  /** The host's name, which resolves everywhere. */
  host: string;
  process: SimProcess;
}

/** When a SYN is sent again, after the first (Linux: 1 s, doubling). */
const SYN_AT_MS = [0, 1000, 3000, 7000];
const CAPACITY_MIN_BYTES = 8 * 1024;
const CAPACITY_MAX_BYTES = 256 * 1024;
const FIRST_FREE_PORT = 40_000;

interface Listening {
  options: ListenOptions;
  process: SimProcess;
  port: number;
}

export class SimNetwork {
  readonly paths: SimPaths;
  readonly #wiring: Wiring;
  readonly #addresses = new Map<string, string>();
  readonly #listening = new Map<string, Listening>();
  readonly #sockets = new Set<SimSocket>();
  readonly #served = new Map<string, { options: ServeOptions; process: SimProcess }>();
  #nextPort = FIRST_FREE_PORT;

  constructor(time: SimTime, random: SeededRandom, usual: PathTraits) {
    this.paths = new SimPaths(random.fork("paths"), usual);
    this.#wiring = { time, random: random.fork("sockets"), paths: this.paths, stuck: new Set() };
    this.paths.onOpened(() => {
      for (const pipe of this.#wiring.stuck) pipe.retry();
    });
  }

  get openSockets(): readonly SimSocket[] {
    return [...this.#sockets];
  }

  /** Gives a host an address, or another one: then its connections are worthless and nobody is told. */
  setAddress(host: string, address: string): void {
    const moved = this.#addresses.has(host);
    this.#addresses.set(host, address);
    if (!moved) return;
    for (const socket of this.#sockets) {
      if (socket.facts.host === host && socket.facts.farHost !== host) socket.sever();
    }
  }

  of(place: NetworkPlace): Network {
    return {
      listen: (options) => this.#listen(place, options),
      connect: (options) => this.#connect(place, options),
      serve: (options) => this.#serve(place, options),
      fetch: () => Promise.reject(new MusterError("unavailable", "the simulated network has no web")),
      fetchStream: () => Promise.reject(new MusterError("unavailable", "the simulated network has no web")),
      webSocket: () => Promise.reject(new MusterError("unavailable", "the simulated network has no web")),
      interfaces: () => [
        { name: "lo", address: "127.0.0.1", internal: true },
        { name: "eth0", address: this.#addresses.get(place.host) ?? "", internal: false },
      ],
      defaultRoute: () => "eth0",
    };
  }

  /** Asks an HTTP server without a network between: what it is asked and answers passes as it is. */
  ask(host: string, place: string | number, request: Request): Promise<Response> {
    const served = this.#served.get(keyOf(host, place));
    const refused = () => Promise.reject(systemError("ECONNREFUSED", `nobody serves ${host} ${place}`));
    if (served === undefined || !served.process.isAlive) return refused();
    return Promise.resolve(served.options.fetch(request, () => false)).then((answer) => answer ?? refused());
  }

  /** The process is no more: its listeners are free, its connections end in the given way. */
  release(process: SimProcess, death: (socket: SimSocket) => Death): void {
    for (const [key, listening] of this.#listening) {
      if (listening.process === process) this.#listening.delete(key);
    }
    for (const [key, served] of this.#served) if (served.process === process) this.#served.delete(key);
    for (const socket of this.#sockets) {
      if (socket.facts.process === process) socket.die(death(socket));
    }
  }

  /** What stands between them breaks all connections from one host to the other, and tells both. */
  resetBetween(host: string, other: string): void {
    for (const socket of this.#sockets) {
      if (socket.facts.host === host && socket.facts.farHost === other) socket.breakOff();
    }
  }

  #listen({ host, process }: NetworkPlace, options: ListenOptions): Promise<Listener> {
    const { address } = options;
    const port = "path" in address ? 0 : address.port === 0 ? this.#nextPort++ : address.port;
    const key = keyOf(host, "path" in address ? address.path : port);
    if (this.#listening.has(key)) {
      return Promise.reject(systemError("EADDRINUSE", `${key} is taken`));
    }
    const listening = { options, process, port };
    this.#listening.set(key, listening);
    return Promise.resolve({
      port,
      close: () => {
        if (this.#listening.get(key) === listening) this.#listening.delete(key);
      },
    });
  }

  #serve({ host, process }: NetworkPlace, options: ServeOptions): Promise<Listener> {
    const { address } = options;
    const port = "path" in address ? 0 : address.port === 0 ? this.#nextPort++ : address.port;
    const key = keyOf(host, "path" in address ? address.path : port);
    if (this.#served.has(key)) return Promise.reject(systemError("EADDRINUSE", `${key} is taken`));
    this.#served.set(key, { options, process });
    return Promise.resolve({ port, close: () => this.#served.delete(key) });
  }

  #connect(place: NetworkPlace, options: ConnectOptions): Promise<Socket> {
    const { address } = options;
    const target = "path" in address ? place.host : this.#resolve(address.host, place.host);
    if (target === undefined) return Promise.reject(systemError("ENOTFOUND", "no such host"));
    return new Promise((resolve, reject) => {
      const attempt = new Attempt(this.#wiring, {
        place,
        target,
        options,
        open: () => this.#open(place, target, options),
        settled: (result) => (result instanceof Error ? reject(result) : resolve(result)),
      });
      attempt.begin();
    });
  }

  #resolve(name: string, own: string): string | undefined {
    if (name === "localhost" || name === "127.0.0.1" || name === "::1") return own;
    if (this.#addresses.has(name)) return name;
    return [...this.#addresses].find(([, address]) => address === name)?.[0];
  }

  /** A SYN has come through: the near end of a new connection, or undefined where nobody listens. */
  #open(place: NetworkPlace, target: string, { address, tls }: ConnectOptions): SimSocket | undefined {
    const listening = this.#listening.get(keyOf(target, "path" in address ? address.path : address.port));
    if (listening === undefined || !listening.process.isAlive) return undefined;
    if ((listening.options.tls === undefined) !== (tls === undefined)) return undefined;
    const { random } = this.#wiring;
    const binding = tls === undefined ? undefined : random.bytes(32);
    const capacityBytes = random.whole(CAPACITY_MIN_BYTES, CAPACITY_MAX_BYTES);
    const addressOf = (host: string) =>
      "path" in address ? "" : place.host === target ? "127.0.0.1" : (this.#addresses.get(host) ?? "");
    const end = (process: SimProcess, host: string, farHost: string) =>
      this.#end({
        process,
        host,
        farHost,
        localAddress: addressOf(host),
        remoteAddress: addressOf(farHost),
        binding,
        capacityBytes,
      });
    const near = end(place.process, place.host, target);
    const far = end(listening.process, target, place.host);
    near.join(far);
    far.join(near);
    far.sendAccepted();
    listening.process.whenRunning(() => {
      if (far.isOpen) far.begin(listening.options.connection(far));
    });
    return near;
  }

  #end(facts: SimSocket["facts"]): SimSocket {
    const socket = new SimSocket(this.#wiring, facts, (closed) => this.#sockets.delete(closed));
    this.#sockets.add(socket);
    return socket;
  }
}

interface AttemptOptions {
  place: NetworkPlace;
  target: string;
  options: ConnectOptions;
  open(): SimSocket | undefined;
  settled(result: Socket | Error): void;
}

/** One `connect`: SYNs until one comes through, is refused, or the time is over. */
class Attempt {
  readonly #wiring: Wiring;
  readonly #options: AttemptOptions;
  #socket: SimSocket | undefined;
  #limit: Timer | undefined;
  #over = false;

  constructor(wiring: Wiring, options: AttemptOptions) {
    this.#wiring = wiring;
    this.#options = options;
  }

  begin(): void {
    const { place, options } = this.#options;
    const { timeoutMs, reachTimeoutMs = timeoutMs } = options;
    // Here a connection stands as soon as it is taken.
    const limitMs = Math.min(timeoutMs, reachTimeoutMs);
    this.#limit = place.process.timers.after(limitMs, () => this.#timedOut());
    for (const atMs of SYN_AT_MS) this.#wiring.time.after(atMs, () => this.#sendSyn());
  }

  #sendSyn(): void {
    if (this.#over || this.#socket !== undefined) return;
    const { place, target } = this.#options;
    const { time, paths } = this.#wiring;
    time.after(paths.delayMs(place.host, target), () => {
      if (this.#over || this.#socket !== undefined || !place.process.isAlive) return;
      if (paths.isOpen(place.host, target)) this.#synArrived();
    });
  }

  #synArrived(): void {
    const { place, target, open } = this.#options;
    const socket = open();
    if (socket === undefined) {
      const { time, paths } = this.#wiring;
      time.after(paths.delayMs(target, place.host), () => {
        if (paths.isOpen(target, place.host)) this.#refused();
      });
      return;
    }
    this.#socket = socket;
    socket.onAccepted(() => this.#accepted(socket));
  }

  #accepted(socket: SimSocket): void {
    if (this.#isOver()) return;
    socket.begin(this.#options.options.connected(socket));
    this.#options.settled(socket);
  }

  #refused(): void {
    this.#options.place.process.whenRunning(() => {
      if (this.#isOver()) return;
      this.#options.settled(systemError("ECONNREFUSED", "the connection was refused"));
    });
  }

  #timedOut(): void {
    if (this.#isOver()) return;
    this.#socket?.die("silent");
    this.#options.settled(systemError("ETIMEDOUT", "no connection in time"));
  }

  /** Whether it was settled before; now it is. */
  #isOver(): boolean {
    const over = this.#over;
    this.#over = true;
    this.#limit?.cancel();
    return over;
  }
}

function keyOf(host: string, place: string | number): string {
  return `${host}!${place}`;
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
