// The real agent on a simulated host, with an app and a page to share, driven by its local API as the CLI
// drives it.
import { startAgent, type Agent } from "../../src/agent/agent.ts";
import { Ticker } from "../../src/http1/ticker.ts";
import type { HubFile } from "../../src/protocol/local-api.ts";
import type { ShareView } from "../../src/protocol/views.ts";
import { Pulse } from "../../src/trunk/liveness.ts";
import type { World } from "../../src/world/world.ts";
import type { Ledger } from "./ledger.ts";
import { startApp } from "./sim-app.ts";
import type { Run, SimHost } from "./sim-host.ts";
import { cryptoOf, DOMAIN } from "./sim-hub.ts";
import { simLog } from "./sim-log.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { SimTime } from "./sim-time.ts";

export const APP_PORT = 3000;
const LOCAL_PORT = 7575;
const HOME = "/home/device";

export interface SimDeviceOptions {
  name: string;
  time: SimTime;
  network: SimNetwork;
  host: SimHost;
  ledger: Ledger;
  /** Of its identity. */
  seed: Uint8Array;
  joined(name: string, publicKey: Uint8Array): HubFile;
  bend(world: World): World;
}

export class SimDevice {
  readonly name: string;
  readonly host: SimHost;
  readonly publicKey: Uint8Array;
  readonly #options: SimDeviceOptions;
  run: Run | undefined;
  agent: Agent | undefined;
  #app: Run | undefined;
  /** What its owner was told is published: by share id, the label. */
  readonly acknowledged = new Map<string, string>();

  constructor(options: SimDeviceOptions) {
    this.name = options.name;
    this.host = options.host;
    this.#options = options;
    this.publicKey = cryptoOf(options.host.run("keys").world).ed25519Signer(options.seed).publicKey;
  }

  /** What its page shows. */
  get page(): string {
    return `the page of ${this.name}`;
  }

  /** Does nothing while it runs. */
  async startApp(): Promise<void> {
    const { host, ledger, name } = this.#options;
    if (this.#app?.process.isAlive === true) return;
    host.disk.place("/srv/page/index.html", this.page, 0o644);
    this.#app = host.run("app");
    await startApp({ run: this.#app, device: name, port: APP_PORT, ledger });
  }

  killApp(): void {
    if (this.#app !== undefined) this.host.kill(this.#app.process);
  }

  async start(): Promise<Agent> {
    const { host, ledger, time, name, seed, joined, bend } = this.#options;
    const run = host.run("agent");
    this.run = run;
    const world = bend(run.world);
    const crypto = cryptoOf(world);
    this.agent = await startAgent({
      world,
      crypto,
      log: simLog(name, time, ledger),
      version: "0.0.0",
      pid: 1,
      paths: {
        home: HOME,
        stateDatabase: `${HOME}/state.db`,
        token: `${HOME}/token`,
        agentFile: `${HOME}/agent.json`,
        logs: `${HOME}/logs`,
        sockets: `${HOME}/run`,
      },
      signer: crypto.ed25519Signer(seed),
      linkKey: crypto.x25519PublicKey(seed),
      subtle: globalThis.crypto.subtle,
      hub: joined(name, this.publicKey),
      about: { name, platform: "linux-x86_64", kind: "laptop" },
      health: () => HEALTH,
      hasher: { hash: (password) => Promise.resolve(password), verify: () => Promise.resolve(false) },
      pulse: new Pulse(world.timers, world.clock),
      ticker: new Ticker(world),
      localPort: LOCAL_PORT,
      forbiddenPorts: () => [],
      onStopAsked: () => undefined,
      environment: {},
    });
    return this.agent;
  }

  kill(): void {
    if (this.run !== undefined) this.host.kill(this.run.process);
    this.agent = undefined;
  }

  /** Whether anything of it can come to the hub now. */
  get canReachHub(): boolean {
    const { network, host } = this.#options;
    return this.run?.process.isRunning === true && network.paths.isOpen(host.name, DOMAIN);
  }

  get isConnected(): boolean {
    return this.run?.process.isAlive === true && this.agent?.hubState.at === "connected";
  }

  /** `muster add`: rejects with what the person would read. */
  async add(wish: { port: number; name: string } | { path: string; name: string }): Promise<ShareView> {
    const { share } = (await this.#call("add", { ...wish, access: "public" })) as { share: ShareView };
    this.acknowledged.set(share.id, share.name);
    this.#options.time.trace(`${this.name} published ${share.name} at ${share.url}`);
    return share;
  }

  async #call(name: string, body: object): Promise<unknown> {
    const { network, host } = this.#options;
    const token = new TextDecoder().decode(await host.run("cli").world.disk.read(`${HOME}/token`)).trim();
    const request = new Request(`http://127.0.0.1:${LOCAL_PORT}/api/${name}`, {
      method: "POST",
      headers: {
        host: `127.0.0.1:${LOCAL_PORT}`,
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(body),
    });
    const response = await network.ask(host.name, LOCAL_PORT, request);
    const result: unknown = await response.json();
    if (response.ok) return result;
    throw new Error(JSON.stringify(result));
  }
}

const HEALTH = {
  uptime_s: 1,
  load_1m: 0,
  cpus: 1,
  memory_used: 1,
  memory_total: 2,
  disk_free: 1,
  disk_total: 2,
};
