// The promises, looked at after every event. What only shows with time is looked at now and then.
import type { FleetView } from "../../src/protocol/views.ts";
import type { Asked } from "./ledger.ts";
import type { SimDevice } from "./sim-device.ts";
import type { SimFleet } from "./sim-fleet.ts";
import { HUB_DATABASE } from "./sim-hub.ts";
import type { Truth } from "./truth.ts";

/**
 * A half-open trunk is noticed within 5 s idle (ping every 2 s), and told within a moment. Presence may be 15 s
 * old; that is kept with room to spare.
 */
const NOTICED_WITHIN_MS = 5_000;
const TELLING_MS = 700;
/** Traffic 2 s after the network is back. */
const BACK_WITHIN_MS = 2_000;
/** Of one program, with a fleet as small as this. */
const TIMERS_MAX = 300;
const LOOK_EVERY_MS = 50;

export class Checkers {
  readonly #fleet: SimFleet;
  readonly #truth: Truth;
  #lookedAtMs = 0;
  #faultsTold = 0;
  readonly #told = new Set<string>();

  constructor(fleet: SimFleet, truth: Truth) {
    this.#fleet = fleet;
    this.#truth = truth;
    fleet.ledger.settled = (asked) => this.#settled(asked);
  }

  /** After every event. */
  look(): void {
    const { time } = this.#fleet;
    for (const fault of time.faults.slice(this.#faultsTold)) this.#violate(`uncaught: ${stackOf(fault)}`);
    this.#faultsTold = time.faults.length;
    if (time.nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = time.nowMs;
    for (const device of this.#fleet.devices) {
      this.#presence(device);
      this.#back(device);
      this.#timers(`the agent of ${device.name}`, device.run?.process.pendingTimers);
    }
    this.#timers("the hub", this.#fleet.hub.run?.process.pendingTimers);
  }

  /** The hub's database as a restart finds it: what was acknowledged is in it. */
  acknowledgedIsKept(): void {
    const { hubHost, devices } = this.#fleet;
    const database = hubHost.databases.peek(HUB_DATABASE);
    const rows = database?.query("select share_id, label from shares").all() ?? [];
    const kept = new Map(rows.map((row) => [String(row["share_id"]), String(row["label"])]));
    for (const device of devices) {
      for (const [shareId, label] of device.acknowledged) {
        if (kept.get(shareId) !== label)
          this.#violate(`the acknowledged share ${label} (${shareId}) is lost`);
      }
    }
  }

  /** Long after the last fault and the last request: nothing is left behind. */
  quiet(): void {
    const { ledger, devices, network } = this.#fleet;
    for (const asked of ledger.asked) {
      if (asked.outcome === undefined) this.#violate(`${asked.method} ${asked.id} never ended`);
      if (asked.outcome === "answered" && asked.done === 0)
        this.#violate(`${asked.id} was answered by nobody`);
    }
    for (const device of devices) {
      const online = this.#statusOf(device) === "online" && device.isConnected;
      if (!online) this.#violate(`${device.name} is not back after everything was mended`);
    }
    if (network.openSockets.length > QUIET_SOCKETS_MAX) {
      this.#violate(`${network.openSockets.length} sockets are left open`);
    }
    this.#quietTimers("the hub", this.#fleet.hub.run?.process.pendingTimers ?? 0);
    for (const device of devices) this.#quietTimers(device.name, device.run?.process.pendingTimers ?? 0);
  }

  /** The hub does not call a device online that it can't have heard of for so long. */
  #presence(device: SimDevice): void {
    const { time, hub } = this.#fleet;
    const sinceMs = this.#truth.disturbedSinceMs(device);
    if (sinceMs === undefined || hub.upSinceMs === undefined || hub.run?.process.isRunning !== true) return;
    // What a hub slept through it could not notice.
    const unheardMs = time.nowMs - Math.max(sinceMs, hub.upSinceMs, hub.run.process.runningSinceMs);
    if (device.canReachHub || unheardMs <= NOTICED_WITHIN_MS + TELLING_MS) return;
    if (this.#statusOf(device) !== "online") return;
    this.#violate(`${device.name} is shown as online ${Math.round(unheardMs)} ms after it was last heard of`);
  }

  /** A request that met no fault is answered. */
  #settled({ id, device: name, askedAtMs, outcome, status }: Asked): void {
    const device = this.#fleet.devices.find((each) => each.name === name);
    if (device === undefined || outcome === "answered") return;
    const dueMs = this.#backDueMs(device);
    if (dueMs === undefined || askedAtMs <= dueMs) return;
    this.#fleet.ledger.violate(`${id} was ${outcome} (${status ?? "-"}) although nothing was wrong`);
  }

  /** By when the device is to be back after the last disturbance; undefined while it lasts. */
  #backDueMs(device: SimDevice): number | undefined {
    const calmSinceMs = this.#truth.calmSinceMs(device);
    if (calmSinceMs === undefined) return undefined;
    const noticedMs = this.#truth.lastDisturbedMs(device) + NOTICED_WITHIN_MS + TELLING_MS;
    return Math.max(calmSinceMs, noticedMs) + BACK_WITHIN_MS;
  }

  /** A device that nothing disturbs any more is back, and stays. */
  #back(device: SimDevice): void {
    const { time } = this.#fleet;
    const calmSinceMs = this.#truth.calmSinceMs(device) ?? 0;
    const dueMs = this.#backDueMs(device);
    if (calmSinceMs === 0 || dueMs === undefined || time.nowMs <= dueMs) return;
    if (!device.isConnected)
      this.#violate(`${device.name} did not come back (calm since ${calmSinceMs.toFixed(0)})`);
    else if (this.#statusOf(device) === "offline")
      this.#violate(`${device.name} is connected and shown as offline`);
  }

  #timers(whose: string, count = 0): void {
    if (count > TIMERS_MAX) this.#violate(`${whose} has ${count} timers`);
  }

  #quietTimers(whose: string, count: number): void {
    if (count > QUIET_TIMERS_MAX) this.#violate(`${whose} has ${count} timers left in quiet`);
  }

  /** As the observer was told; undefined while it knows nothing. */
  #statusOf(device: SimDevice): FleetView["devices"][number]["status"] | undefined {
    const id = this.#fleet.deviceId(device);
    return this.#fleet.seen?.fleet.devices.find((each) => each.id === id)?.status;
  }

  /** Each once: what is wrong stays wrong for a while. */
  #violate(text: string): void {
    const { ledger } = this.#fleet;
    const key = text.replaceAll(/\d+/g, "#");
    if (this.#told.has(key)) return;
    this.#told.add(key);
    ledger.violate(text);
  }
}

/** Trunks, proofs under way, and connections that are kept for the next request. */
const QUIET_SOCKETS_MAX = 40;
const QUIET_TIMERS_MAX = 25;

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
