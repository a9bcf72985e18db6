// What the hub last told of the fleet. It tells of itself when something turned; the times of proofs go on
// without that, so whoever wants to see them asks anew.
import type { FleetView } from "../protocol/views.ts";
import type { Timers } from "../world/world.ts";
import { answerWithin, type HubPort } from "./hub-port.ts";

/** A person waits for it; after this the last word must do, and its age is seen in it. */
const REFRESH_LIMIT_MS = 2_000;

export class FleetWatch {
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

  told(fleet: FleetView): void {
    this.#fleet = fleet;
  }

  /** A new session. */
  async watch(): Promise<void> {
    this.told((await this.#hub.request({ type: "fleet_watch" }, "fleet")).fleet);
  }

  /** Never rejects: what is known already is then shown with its age. */
  async refresh(): Promise<void> {
    if (this.#hub.state.at !== "connected") return;
    try {
      const asked = this.#hub.request({ type: "fleet_get" }, "fleet");
      this.told((await answerWithin(this.#timers, REFRESH_LIMIT_MS, asked)).fleet);
    } catch {
      // The hub is slow or has just gone; both are shown by the state of its session.
    }
  }
}
