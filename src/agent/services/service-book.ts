// The services of this device: which there are, how they are, and what the hub is told of both. It is told the list at
// each connection, and of each service when its state turns, else every half minute.
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import { SERVICES_PER_DEVICE, type ServiceHealth, type ServiceView } from "../../protocol/services.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import type { HubPort } from "../hub-port.ts";
import type { Notices } from "../notices.ts";
import { serviceOf, type OfferedService } from "./offered-service.ts";
import { checkService, type ServiceCheckParts } from "./service-check.ts";

export interface ServiceBookParts extends ServiceCheckParts {
  services: readonly OfferedService[];
  clock: Clock;
  timers: Timers;
  hub: Pick<HubPort, "state" | "request" | "send">;
  log: Log;
  notices: Notices;
  /** Ports of this very program, as they are now. None of them is ever reached as a service. */
  forbiddenPorts(): readonly number[];
}

const CHECK_EVERY_MS = 10_000;
const TELL_EVERY_MS = 30_000;
const NOT_ASKED: ServiceHealth = { state: "unknown", checked_at: null, reason: null };

interface Known {
  service: OfferedService;
  health: ServiceHealth;
  toldAtMs: number;
  asking: boolean;
}

export class ServiceBook {
  readonly #parts: ServiceBookParts;
  readonly #known: ReadonlyMap<string, Known>;
  #every: Timer | undefined;
  #registered = "";

  /** Throws `invalid` for more services than a device may have, and for a port that is known to be ours. */
  constructor(parts: ServiceBookParts) {
    const { services, log, forbiddenPorts } = parts;
    if (services.length > SERVICES_PER_DEVICE) {
      throw new MusterError(
        "invalid",
        `a device has at most ${SERVICES_PER_DEVICE} services, not ${services.length}`,
      );
    }
    const own = services.find(({ port }) => forbiddenPorts().includes(port));
    if (own !== undefined) throw ownPort(own);
    this.#parts = parts;
    this.#known = new Map(
      services.map((service) => [
        service.name,
        { service, health: NOT_ASKED, toldAtMs: Number.NEGATIVE_INFINITY, asking: false },
      ]),
    );
    for (const { name, type, port, knownFor, health } of services) {
      log.info("service", { service: name, type, port, known_for: knownFor, health });
    }
  }

  /** Those that can be reached now: a port that this program took meanwhile is none. */
  get services(): readonly OfferedService[] {
    const forbidden = this.#parts.forbiddenPorts();
    return [...this.#known.values()].flatMap(({ service }) =>
      forbidden.includes(service.port) ? [] : [service],
    );
  }

  get(name: string): OfferedService | undefined {
    const service = this.#known.get(name)?.service;
    return service === undefined || this.#parts.forbiddenPorts().includes(service.port) ? undefined : service;
  }

  views(): ServiceView[] {
    return this.services.map((service) => ({
      ...serviceOf(service),
      ...(this.#known.get(service.name)?.health ?? NOT_ASKED),
    }));
  }

  /** Asks from now on. */
  start(): void {
    if (this.#known.size === 0) return;
    this.#every = this.#parts.timers.every(CHECK_EVERY_MS, () => this.#askAll());
    this.#askAll();
  }

  /** A new session, in which the hub knows no states. */
  connected(): void {
    this.#registered = "";
    for (const known of this.#known.values()) known.toldAtMs = Number.NEGATIVE_INFINITY;
    this.#register();
  }

  close(): void {
    this.#every?.cancel();
  }

  #register(): void {
    const { hub, log, notices } = this.#parts;
    const services = this.services;
    const left = [...this.#known.values()].find(({ service }) => !services.includes(service));
    if (left === undefined) notices.clear("services");
    else notices.set("services", `${ownPort(left.service).message}: it is not offered`);
    if (hub.state.at !== "connected") return;
    const said = services.map(serviceOf);
    const text = JSON.stringify(said);
    if (text === this.#registered) return;
    this.#registered = text;
    // A list of none is said too: the device may have had some before.
    hub.request({ type: "service_register", services: said }, "service_registered").then(
      () => {
        for (const known of this.#known.values()) this.#tell(known);
      },
      (error: unknown) => {
        this.#registered = "";
        log.info("the hub did not take the services of this device", { problem: publicError(error).message });
      },
    );
  }

  #askAll(): void {
    this.#register();
    for (const known of this.#known.values()) {
      // One that hangs is not asked twice at once.
      if (!known.asking && this.get(known.service.name) !== undefined) void this.#ask(known);
    }
  }

  async #ask(known: Known): Promise<void> {
    const { clock, log } = this.#parts;
    known.asking = true;
    const { state, reason } = await checkService(this.#parts, known.service);
    known.asking = false;
    const turned = known.health.state !== state;
    known.health = { state, reason, checked_at: new Date(clock.now()).toISOString() };
    if (turned) log.info("service", { service: known.service.name, state, reason: reason ?? undefined });
    if (turned || clock.monotonic() - known.toldAtMs >= TELL_EVERY_MS) this.#tell(known);
  }

  #tell(known: Known): void {
    const { hub, clock } = this.#parts;
    if (known.health.checked_at === null || this.get(known.service.name) === undefined) return;
    if (hub.send({ type: "service_state", name: known.service.name, ...known.health })) {
      known.toldAtMs = clock.monotonic();
    }
  }
}

function ownPort({ name, port }: OfferedService): MusterError {
  return new MusterError(
    "invalid",
    `the service "${name}" names port ${port}, which is one of Muster's own`,
    {
      hint: "name the port of the program that is to be reached",
    },
  );
}
