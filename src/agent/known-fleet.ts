// What the hub last told of the fleet. An agent does not watch it: ten thousand of them would each be told of
// every change, and only a person who asks here wants to see it.
import type { FleetView } from "../protocol/views.ts";
import type { Timers } from "../world/world.ts";
import { answerWithin, type HubPort } from "./hub-port.ts";

/** A person waits for it; after this the last word must do, and its age is seen in it. */
const REFRESH_LIMIT_MS = 2_000;

export class KnownFleet {
  readonly #hub: HubPort;
  readonly #timers: Timers;
  #fleet: FleetView | undefined;

  constructor(hub: HubPort, timers: Timers) {
    this.#hub = hub;
    this.#timers = timers;
  }

  get last(): FleetView | undefined {
    return this.#fleet;
  }

  /** For people: without a session nothing is known of other devices and shares. */
  get shown(): FleetView | null {
    if (this.#fleet === undefined) return null;
    return this.#hub.state.at === "connected" ? this.#fleet : { ...this.#fleet, devices: [], shares: [] };
  }

  /** Never rejects: what is known already is then shown with its age. */
  async refresh(): Promise<void> {
    if (this.#hub.state.at !== "connected") return;
    try {
      const asked = this.#hub.request({ type: "fleet_get" }, "fleet");
      this.#fleet = (await answerWithin(this.#timers, REFRESH_LIMIT_MS, asked)).fleet;
    } catch {
      // The hub is slow or has just gone; both are shown by the state of its session.
    }
  }
}
