// What devices offer: their services and how those are, their capabilities, their queries. It is what each device
// says of itself, kept for the time it is away; what a device does for whom it decides by itself.
import type { Kysely } from "kysely";
import { z } from "zod";
import { CAPABILITIES_PER_DEVICE, capabilityOffer, queryName } from "../../protocol/capabilities.ts";
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import type { ClientMessage, HubToClient } from "../../protocol/messages.ts";
import { service, SERVICES_PER_DEVICE } from "../../protocol/services.ts";
import type { Service, ServiceHealth, ServiceView } from "../../protocol/services.ts";
import { listDeviceOffers, saveDeviceOffers } from "../../store/device-offers.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Session } from "../sessions/session.ts";

export interface Offered {
  services: readonly Service[];
  capabilities: readonly CapabilityOffer[];
  queries: readonly string[];
}

export interface OffersParts {
  db: Kysely<HubDatabase>;
  /** The picture of the fleet is another one now, where it shows this device. */
  changed(deviceId: string): void;
}

const NOTHING: Offered = { services: [], capabilities: [], queries: [] };
const UNKNOWN: ServiceHealth = { state: "unknown", checked_at: null, reason: null };

/** Rows of an older or newer hub: what can't be read is left out until the device says it again. */
const storedServices = z.array(service).max(SERVICES_PER_DEVICE).catch([]);
const storedCapabilities = z.array(capabilityOffer).max(CAPABILITIES_PER_DEVICE).catch([]);
const storedQueries = z.array(queryName).max(CAPABILITIES_PER_DEVICE).catch([]);

export class Offers {
  readonly #parts: OffersParts;
  readonly #byDevice = new Map<string, Offered>();
  /** By device, then by service. It is of the device's session and not kept. */
  readonly #health = new Map<string, Map<string, ServiceHealth>>();

  constructor(parts: OffersParts) {
    this.#parts = parts;
  }

  async load(): Promise<void> {
    for (const row of await listDeviceOffers(this.#parts.db)) {
      this.#byDevice.set(row.device_id, {
        services: storedServices.parse(parsed(row.services)),
        capabilities: storedCapabilities.parse(parsed(row.capabilities)),
        queries: storedQueries.parse(parsed(row.queries)),
      });
    }
  }

  of(deviceId: string): Offered {
    return this.#byDevice.get(deviceId) ?? NOTHING;
  }

  /** How its services are; unknown while the device is away. */
  services(deviceId: string): ServiceView[] {
    const health = this.#health.get(deviceId);
    return this.of(deviceId).services.map((one) => ({ ...one, ...(health?.get(one.name) ?? UNKNOWN) }));
  }

  /** Of the device `deviceId`, which was proven. */
  async handle(
    deviceId: string,
    message: ClientMessage<"service_register"> | ClientMessage<"capabilities_update">,
  ): Promise<HubToClient> {
    if (message.type === "service_register") {
      const services = withoutTwins(message.services);
      const health = this.#health.get(deviceId);
      for (const name of health?.keys() ?? []) {
        if (!services.some((one) => one.name === name)) health?.delete(name);
      }
      await this.#keep(deviceId, { ...this.of(deviceId), services });
      return { type: "service_registered", id: message.id, device_id: deviceId, services };
    }
    const { capabilities, queries } = message;
    await this.#keep(deviceId, { ...this.of(deviceId), capabilities, queries });
    return { type: "done", id: message.id };
  }

  /** Of a service that the device never registered it is passed over. */
  heard(deviceId: string, { name, state, checked_at, reason }: ClientMessage<"service_state">): void {
    if (!this.of(deviceId).services.some((one) => one.name === name)) return;
    const health = this.#health.get(deviceId) ?? new Map<string, ServiceHealth>();
    const before = health.get(name)?.state;
    this.#health.set(deviceId, health.set(name, { state, checked_at, reason }));
    // That it is still so is no news.
    if (before !== state) this.#parts.changed(deviceId);
  }

  /** How its services were in an older session is nothing that this one has said. */
  joined({ kind, deviceId }: Pick<Session["facts"], "kind" | "deviceId">): void {
    // Others of the same key stand beside the device's own.
    if (kind === "register") this.left(deviceId);
  }

  /** Its session is over: nobody knows how its services are. */
  left(deviceId: string): void {
    this.#health.delete(deviceId);
  }

  /** Known at once, since the next message builds on it; then written, one after the other. */
  async #keep(deviceId: string, offered: Offered): Promise<void> {
    if (isSame(this.of(deviceId), offered)) return;
    this.#byDevice.set(deviceId, offered);
    this.#parts.changed(deviceId);
    await saveDeviceOffers(this.#parts.db, {
      device_id: deviceId,
      services: JSON.stringify(offered.services),
      capabilities: JSON.stringify(offered.capabilities),
      queries: JSON.stringify(offered.queries),
    });
  }
}

/** A name stands for one service: the last that took it. */
function withoutTwins(services: readonly Service[]): Service[] {
  return [...new Map(services.map((one) => [one.name, one])).values()];
}

function isSame(one: Offered, other: Offered): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
