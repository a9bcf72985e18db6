// A whole fleet in one run: the real hub, two real agents with an app each, an observer who watches the fleet
// as an owner does, and visitors. Everything is told by one seed.
import { HubSession } from "../../src/agent/link/hub-session.ts";
import type { Crypto, Signer } from "../../src/identity/crypto.ts";
import { appendEntry, verifyLog } from "../../src/identity/owner-log.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { deviceIdOf } from "../../src/protocol/ids.ts";
import type { HubFile } from "../../src/protocol/local-api.ts";
import type { FleetView } from "../../src/protocol/views.ts";
import { Pulse } from "../../src/trunk/liveness.ts";
import type { World } from "../../src/world/world.ts";
import { Ledger } from "./ledger.ts";
import { APP_PORT, SimDevice } from "./sim-device.ts";
import { SimHost } from "./sim-host.ts";
import { cryptoOf, DOMAIN, SimHub } from "./sim-hub.ts";
import { simLog } from "./sim-log.ts";
import { SimNetwork } from "./sim-network.ts";
import type { PathTraits } from "./sim-paths.ts";
import { SeededRandom } from "./sim-random.ts";
import { SimTime } from "./sim-time.ts";
import { SimVisitor, type Target } from "./sim-visitor.ts";

/** Where a test plants its bug: between a program and its world. */
export interface Bends {
  hub?: ((world: World) => World) | undefined;
  agent?: ((world: World) => World) | undefined;
}

/** A home line somewhere, with a loss that hurts. */
const LINE: PathTraits = { delayMs: 8, jitterMs: 12, lossRate: 0.02 };
const HUB_HOST = DOMAIN;
const same = (world: World): World => world;

export class SimFleet {
  readonly random: SeededRandom;
  readonly time = new SimTime();
  readonly network: SimNetwork;
  readonly ledger: Ledger;
  readonly hubHost: SimHost;
  readonly hub: SimHub;
  readonly devices: readonly [SimDevice, SimDevice];
  readonly visitors: SimVisitor[] = [];
  /** What the hub last told the observer, and when. */
  seen: { fleet: FleetView; atMs: number } | undefined;
  readonly #crypto: Crypto;
  readonly #home: { signer: Signer; linkKey: Uint8Array };
  #observer: HubSession | undefined;
  #ownerRoot = "";

  constructor(seed: number, bends: Bends = {}) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.network = new SimNetwork(this.time, random.fork("network"), LINE);
    this.ledger = new Ledger(this.time);
    this.hubHost = this.#host(HUB_HOST, "198.51.100.1");
    this.#crypto = cryptoOf(this.hubHost.run("keys").world);
    this.#home = {
      signer: this.#crypto.ed25519Signer(random.fork("home").bytes(32)),
      linkKey: random.fork("home link").bytes(32),
    };
    this.hub = new SimHub({
      time: this.time,
      host: this.hubHost,
      ledger: this.ledger,
      seed: random.fork("hub").bytes(32),
      home: this.#home,
      bend: bends.hub ?? same,
    });
    this.devices = [
      this.#device("north", "203.0.113.10", { bend: bends.agent }),
      this.#device("south", "203.0.113.20", { bend: bends.agent }),
    ];
  }

  /** Hub, observer, both devices enrolled and connected, each with its app published. */
  begin(): void {
    const { time, hub, devices } = this;
    const started = time.waitFor(hub.start());
    this.#ownerRoot = started.ownerRoot;
    const observer = this.observe();
    this.#mustBecome("the observer is connected", () => observer.state.at === "connected");
    time.waitFor(this.#enrol(observer));
    for (const device of devices) {
      time.waitFor(device.startApp());
      time.waitFor(device.start());
    }
    this.#mustBecome("both devices are connected", () => devices.every((device) => device.isConnected));
    for (const device of devices) time.waitFor(device.add({ port: APP_PORT, name: `${device.name}-app` }));
  }

  targets(): [Target, Target] {
    const [north, south] = this.devices;
    const target = ({ name }: SimDevice): Target => ({ device: name, host: `${name}-app.${DOMAIN}` });
    return [target(north), target(south)];
  }

  addVisitor(name: string, pauseMaxMs: number): SimVisitor {
    const visitor = new SimVisitor({
      name,
      run: this.#host(`visitor-${name}`, `192.0.2.${this.visitors.length + 1}`).run("browser"),
      random: this.random.fork(`visitor ${name}`),
      ledger: this.ledger,
      hubHost: HUB_HOST,
      targets: this.targets(),
      pauseMaxMs,
    });
    this.visitors.push(visitor);
    return visitor;
  }

  /** The same identity on another machine, whose state is empty: a disk that was copied early. */
  addCopyOf(device: SimDevice): SimDevice {
    return this.#device(device.name, "203.0.113.99", { hostName: `${device.name}-copy` });
  }

  deviceId(device: SimDevice): string {
    return deviceIdOf(this.#crypto.sha256(device.publicKey));
  }

  close(): void {
    this.hubHost.databases.close();
    for (const { host } of this.devices) host.databases.close();
  }

  #host(name: string, address: string): SimHost {
    const { time, network, random } = this;
    return new SimHost({ name, address, time, network, random: random.fork(`host ${name}`) });
  }

  #device(
    name: string,
    address: string,
    { bend = same, hostName = name }: { bend?: Bends["agent"]; hostName?: string },
  ): SimDevice {
    const { time, network, random, ledger } = this;
    return new SimDevice({
      name,
      time,
      network,
      ledger,
      host: this.#host(hostName, address),
      seed: random.fork(`device ${name}`).bytes(32),
      joined: (deviceName, publicKey) => this.#hubFile(deviceName, publicKey),
      bend,
    });
  }

  #hubFile(name: string, publicKey: Uint8Array): HubFile {
    return {
      hub_url: `https://${DOMAIN}`,
      hub_id: deviceIdOf(this.#crypto.sha256(this.hub.publicKey)),
      hub_key: toBase64Url(this.hub.publicKey),
      device_id: deviceIdOf(this.#crypto.sha256(publicKey)),
      name,
      owner_root: this.#ownerRoot,
      controller: false,
      embedded: false,
    };
  }

  /** The owner's own session, on the hub's machine: its first controller, who watches. */
  observe(): HubSession {
    const run = this.hubHost.run("observer");
    const session: HubSession = new HubSession({
      world: run.world,
      crypto: this.#crypto,
      signer: this.#home.signer,
      pulse: new Pulse(run.world.timers, run.world.clock),
      log: simLog("observer", this.time, this.ledger),
      address: { url: `https://${DOMAIN}` },
      hubKey: this.hub.publicKey,
      about: { name: "home", platform: "linux-x86_64", kind: "desktop", version: "0.0.0" },
      sessionKind: "attach",
      nextSession: () => Promise.resolve(0),
      events: {
        state: (state) => {
          // Only the newest observer tells; what it knew before a break is no news.
          if (this.#observer !== session) return;
          this.seen = undefined;
          if (state.at !== "connected") return;
          session.request({ type: "fleet_watch" }, "fleet").then(
            ({ fleet }) => this.#look(fleet),
            () => undefined, // the session ended first; the next one asks again
          );
        },
        message: (message) => {
          if (message.type === "fleet") this.#look(message.fleet);
        },
        opened: () => {
          throw new Error("the observer serves nothing");
        },
      },
    });
    this.#observer = session;
    session.start();
    return session;
  }

  #look(fleet: FleetView): void {
    this.seen = { fleet, atMs: this.time.nowMs };
  }

  /** Both devices become members, by entries that the owner signs. */
  async #enrol(observer: HubSession): Promise<void> {
    const asked = { type: "log_get", owner_root: this.#ownerRoot, from: 0 } as const;
    const { entries } = await observer.request(asked, "log_entries");
    let log = verifyLog(this.#crypto, entries);
    for (const device of this.devices) {
      log = await appendEntry(this.#crypto, log, {
        kind: "member",
        signer: this.#home.signer,
        body: {
          public_key: toBase64Url(device.publicKey),
          link_key: toBase64Url(this.random.fork(`link ${device.name}`).bytes(32)),
          name: device.name,
          kind: "laptop",
          platform: "linux-x86_64",
          ssh_host_keys: [],
          claim: null,
        },
      });
      const entry = log.entries.at(-1);
      if (entry !== undefined) await observer.request({ type: "log_append", entry }, "done");
    }
  }

  #mustBecome(what: string, holds: () => boolean): void {
    if (!this.time.runWhile(() => !holds(), 10_000)) {
      throw new Error(`not so within 10 s: ${what}\n${this.time.lines.slice(-40).join("\n")}`);
    }
  }
}
