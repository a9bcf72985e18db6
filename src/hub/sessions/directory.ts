// Who is connected now. A device has at most one session: the newer proven one takes its place at once, and
// the end of the older one touches nothing of the newer.
import type { Timer, Timers } from "../../world/world.ts";
import type { Session } from "./session.ts";

/** Requests that wait for devices to come back, over the whole hub. */
const WAITERS_MAX = 10_000;
/** Requests that wait for one device. */
const WAITERS_PER_DEVICE = 500;

interface Waiter {
  timer: Timer;
  tell(session: Session | undefined): void;
}

export interface DirectoryEvents {
  joined(session: Session): void;
  left(session: Session): void;
}

export class Directory {
  readonly #timers: Timers;
  readonly #events: DirectoryEvents;
  readonly #devices = new Map<string, Session>();
  readonly #clients = new Set<Session>();
  /** Of the clients those that are pages, by their browser's key: every picture of a fleet asks for each browser. */
  readonly #pages = new Map<string, Set<Session>>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  #waiting = 0;

  constructor(timers: Timers, events: DirectoryEvents) {
    this.#timers = timers;
    this.#events = events;
  }

  /** Devices that are connected. */
  get deviceCount(): number {
    return this.#devices.size;
  }

  device(deviceId: string): Session | undefined {
    return this.#devices.get(deviceId);
  }

  /** The page that a browser's key has open. */
  page(deviceId: string): Session | undefined {
    return this.#pages.get(deviceId)?.values().next().value;
  }

  /** Every session, of devices, people and attached clients. */
  *all(): Generator<Session> {
    yield* this.#devices.values();
    yield* this.#clients;
  }

  add(session: Session): void {
    if (session.facts.kind === "register") this.#addDevice(session);
    else this.#addClient(session);
    this.#events.joined(session);
  }

  remove(session: Session): void {
    const { deviceId, kind } = session.facts;
    if (kind === "register") {
      if (this.#devices.get(deviceId) !== session) return;
      this.#devices.delete(deviceId);
    } else if (!this.#removeClient(session)) return;
    this.#events.left(session);
  }

  /** The device's session, now or as soon as it is back; undefined after `timeoutMs`, or at the bounds. */
  whenConnected(
    deviceId: string,
    timeoutMs: number,
    tell: (session: Session | undefined) => void,
  ): () => void {
    const waiters = this.#waiters.get(deviceId) ?? new Set();
    if (this.#waiting >= WAITERS_MAX || waiters.size >= WAITERS_PER_DEVICE) {
      tell(undefined);
      return () => {};
    }
    const leave = () => {
      if (!waiters.delete(waiter)) return false;
      this.#waiting -= 1;
      waiter.timer.cancel();
      if (waiters.size === 0) this.#waiters.delete(deviceId);
      return true;
    };
    const waiter: Waiter = { timer: this.#timers.after(timeoutMs, () => leave() && tell(undefined)), tell };
    waiters.add(waiter);
    this.#waiters.set(deviceId, waiters);
    this.#waiting += 1;
    return leave;
  }

  #addClient(session: Session): void {
    this.#clients.add(session);
    const { deviceId, kind } = session.facts;
    if (kind !== "person") return;
    const pages = this.#pages.get(deviceId) ?? new Set();
    this.#pages.set(deviceId, pages.add(session));
  }

  #removeClient(session: Session): boolean {
    const { deviceId } = session.facts;
    const pages = this.#pages.get(deviceId);
    if (pages?.delete(session) === true && pages.size === 0) this.#pages.delete(deviceId);
    return this.#clients.delete(session);
  }

  #addDevice(session: Session): void {
    const { deviceId } = session.facts;
    const older = this.#devices.get(deviceId);
    this.#devices.set(deviceId, session);
    older?.close(
      "superseded",
      "a newer session of this key took over; if that was not you, two machines use this key",
    );
    const waiters = this.#waiters.get(deviceId);
    this.#waiters.delete(deviceId);
    for (const waiter of waiters ?? []) {
      // Who leaves after this leaves nothing.
      waiters?.delete(waiter);
      this.#waiting -= 1;
      waiter.timer.cancel();
      waiter.tell(session);
    }
  }
}
