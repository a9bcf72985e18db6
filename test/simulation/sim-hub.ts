// The real hub on a simulated host: started, killed, and started again from what its disk kept.
import { startHub, type Hub } from "../../src/hub/hub.ts";
import type { Crypto, Signer } from "../../src/identity/crypto.ts";
import { nodeCrypto } from "../../src/identity/crypto-node.ts";
import { Secret } from "../../src/identity/secret.ts";
import type { World } from "../../src/world/world.ts";
import type { Ledger } from "./ledger.ts";
import type { Run, SimHost } from "./sim-host.ts";
import { simLog } from "./sim-log.ts";
import type { SimTime } from "./sim-time.ts";

export const DOMAIN = "fleet.test";
export const HUB_DATABASE = "/home/hub/hub.db";

export interface SimHubOptions {
  time: SimTime;
  host: SimHost;
  ledger: Ledger;
  /** The hub's own key and secret, the same in every start. */
  seed: Uint8Array;
  home: { signer: Signer; linkKey: Uint8Array };
  /** Between the hub and its world: tests plant their bugs here. */
  bend(world: World): World;
}

export class SimHub {
  readonly #options: SimHubOptions;
  readonly publicKey: Uint8Array;
  run: Run | undefined;
  hub: Hub | undefined;
  /** Since when it has been serving. */
  upSinceMs: number | undefined;

  constructor(options: SimHubOptions) {
    this.#options = options;
    this.publicKey = cryptoOf(options.host.run("keys").world).ed25519Signer(options.seed).publicKey;
  }

  async start(): Promise<Hub> {
    const { time, host, ledger, seed, home, bend } = this.#options;
    const run = host.run("hub");
    this.run = run;
    const world = bend(run.world);
    const crypto = cryptoOf(world);
    await world.disk.makeFolder("/home/hub");
    const hub = await startHub({
      world,
      crypto,
      log: simLog("hub", time, ledger),
      version: "0.0.0",
      signer: crypto.ed25519Signer(seed),
      secret: new Secret(seed),
      databasePath: HUB_DATABASE,
      socketFolder: "/home/run",
      binding: { hosts: ["0.0.0.0"], port: 443 },
      tls: { cert: "/home/hub/cert.pem", key: "/home/hub/key.pem" },
      domain: DOMAIN,
      publicPort: undefined,
      assets: new Map(),
      hasher: { hash: (password) => Promise.resolve(password), verify: () => Promise.resolve(false) },
      home: { ...home, about: { name: "home", kind: "desktop", platform: "linux-x86_64" } },
      metricsToken: undefined,
      onNotice: (notice) => ledger.violate(`the hub's state was damaged: ${notice.message}`),
    });
    this.hub = hub;
    this.upSinceMs = time.nowMs;
    time.trace("hub serves");
    return hub;
  }

  kill(): void {
    this.upSinceMs = undefined;
    if (this.run !== undefined) this.#options.host.kill(this.run.process);
  }
}

export function cryptoOf(world: World): Crypto {
  return nodeCrypto((length) => world.random.bytes(length));
}
