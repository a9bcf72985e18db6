// This device's named link: cloudflared under supervision, leading to one unix socket of ours. It is taken only when
// this device's own configuration says so, because whoever holds the hub's Cloudflare token could point it
// elsewhere; the person here is told that sentence as long as it runs.
//
// The socket answers for the shares that this link carries, by the gateway with its access rules, and for the
// device's own host name, where `/health` is for everyone. All else is not found, and nothing that a request says of
// its visitor is believed.
import { field } from "../http1/field.ts";
import { NOBODY, type Exchange, type ExchangeEvents } from "../http1/exchange.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { MusterError, publicError } from "../protocol/errors.ts";
import type { Log } from "../protocol/log.ts";
import { NAMED_LINK_WARNING, readCredentialsFile } from "../tunnels/cloudflared.ts";
import {
  CloudflaredProcess,
  formerCloudflared,
  type CloudflaredState,
} from "../tunnels/cloudflared-process.ts";
import type { Listener, Timer, World } from "../world/world.ts";
import type { Gateway } from "./gateway/gateway.ts";
import type { ShareTarget } from "./gateway/share-target.ts";
import type { Notices } from "./notices.ts";
import { writeTunnelFile, type ToldCredentials } from "./tunnel-file.ts";

export interface NamedTunnelOptions {
  world: Pick<World, "clock" | "timers" | "random" | "network" | "disk" | "processes">;
  gateway: Pick<Gateway, "acceptSocket">;
  /** The share of this device that its named link carries under that host name. */
  shareAt(host: string): ShareTarget | undefined;
  log: Log;
  notices: Notices;
  /** `[links] named` of this device's own configuration. */
  wanted: boolean;
  /** Path of cloudflared, installed where it is missing. Rejects where it can't be had. */
  program(stop: AbortSignal): Promise<string>;
  credentialsPath: string;
  /** A folder of its own for the helper. */
  folder: string;
  socketPath: string;
  /** This device's own host name at the moment; "" where it has none. */
  hostname(): string;
}

const PROGRAM_RETRY_MS = 5 * 60_000;

const NOT_WANTED =
  "the hub offers this device a named link; it is taken only with `named = true` under [links] in muster.toml. " +
  NAMED_LINK_WARNING;

export class NamedTunnel {
  readonly #options: NamedTunnelOptions;
  #listener: Listener | undefined;
  #process: CloudflaredProcess | undefined;
  #turn: Promise<void> = Promise.resolve();
  /** Ends what `#start` waits for. */
  #stopping = new AbortController();
  #retry: Timer | undefined;

  constructor(options: NamedTunnelOptions) {
    this.#options = options;
  }

  get state(): CloudflaredState {
    return this.#process?.state ?? { state: "stopped" };
  }

  /** Starts what the credentials on the disk are for, if there are any and it is wanted. */
  start(): Promise<void> {
    this.#stopping.abort();
    const { signal } = (this.#stopping = new AbortController());
    return this.#next(() => this.#start(signal));
  }

  /** The hub handed over credentials. True once they are on the disk; the helper begins with them by itself. */
  async take(told: ToldCredentials): Promise<boolean> {
    const { wanted, notices, credentialsPath, world } = this.#options;
    if (!wanted) {
      notices.set("named_link", NOT_WANTED);
      return false;
    }
    this.#stopping.abort();
    await this.#next(async () => {
      await this.#end();
      await writeTunnelFile(world.disk, credentialsPath, told);
    });
    // Its helper may have to be fetched, and the hub waits for the answer. A failure is in the log and in the notices.
    this.start().catch(() => undefined);
    return true;
  }

  /** Asks the hub for a link where this device takes one and has none. The refusal is told, and kept for people. */
  async want(ask: () => Promise<unknown>): Promise<void> {
    const { wanted, world, credentialsPath, notices } = this.#options;
    if (!wanted || (await world.disk.info(credentialsPath)) !== undefined) return;
    try {
      await ask();
    } catch (error) {
      const { message, hint } = publicError(error);
      notices.set("named_link", hint === undefined ? message : `${message} (${hint})`);
      throw error;
    }
  }

  /**
   * Where the configuration no longer takes the link that this device had, the hub is told and nothing of it is kept.
   * One that was offered and never taken stays on offer.
   */
  async leave(ask: () => Promise<unknown>): Promise<void> {
    const { wanted, world, credentialsPath, folder, notices } = this.#options;
    if (wanted || (await world.disk.info(folder)) === undefined) return;
    await ask();
    await this.#next(async () => {
      await this.#endFormer();
      for (const path of [credentialsPath, folder]) await world.disk.remove(path);
    });
    notices.clear("named_link");
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return this.#next(() => this.#end());
  }

  async #start(stop: AbortSignal): Promise<void> {
    if (stop.aborted) return;
    const { world, wanted, notices, log, gateway, shareAt } = this.#options;
    const { credentialsPath, folder, socketPath, hostname } = this.#options;
    if (this.#process !== undefined) return;
    if ((await world.disk.info(credentialsPath)) === undefined) return;
    if (!wanted) {
      await this.#endFormer();
      return notices.set("named_link", NOT_WANTED);
    }
    if (hostname() === "") {
      return notices.set(
        "named_link",
        "this device has no host name at its hub, so its named link leads nowhere",
      );
    }
    const text = new TextDecoder().decode(await world.disk.read(credentialsPath));
    const { tunnelId } = readCredentialsFile(text);
    const program = await this.#program(stop);
    if (program === undefined) return;
    notices.set("named_link", NAMED_LINK_WARNING);
    log.warn(NAMED_LINK_WARNING);
    const way = { link: "named", shareAt, own: this.#answer.bind(this) } as const;
    this.#listener = await world.network.listen({
      address: { path: socketPath },
      connection: (socket) => gateway.acceptSocket(socket, way),
    });
    this.#process = new CloudflaredProcess({
      program,
      folder,
      plan: { tunnelId, hosts: siblingsOf(hostname()), credentialsPath, socketPath },
      world,
      log,
      changed: (state) => this.#changed(state),
    });
    await this.#process.start();
  }

  /** Undefined where it can't be had; then it is tried again, as long as nobody says stop. */
  async #program(stop: AbortSignal): Promise<string | undefined> {
    const { program, world, log, notices } = this.#options;
    try {
      return await program(stop);
    } catch (error) {
      if (stop.aborted) return undefined;
      const { message, hint } = publicError(error);
      notices.set("named_link", hint === undefined ? message : `${message}: ${hint}`);
      log.error(message, { hint });
      this.#retry = world.timers.after(PROGRAM_RETRY_MS, () => void this.start().catch(() => undefined));
      return undefined;
    }
  }

  /** One that a killed agent left: it must not go on where it is no longer wanted. */
  #endFormer(): Promise<void> {
    const { world, folder } = this.#options;
    return formerCloudflared(world, folder).end();
  }

  #answer(head: RequestHead, exchange: Exchange): ExchangeEvents | undefined {
    if (head.host.toLowerCase() !== this.#options.hostname()) return undefined;
    const health = head.target === "/health" && (head.method === "GET" || head.method === "HEAD");
    const json = [field("Content-Type", "application/json"), field("Cache-Control", "no-store")];
    exchange.respond(
      health
        ? { status: 200, fields: json, body: '{"status":"healthy"}' }
        : { status: 404, body: "not found\n" },
    );
    return NOBODY;
  }

  #changed(state: CloudflaredState): void {
    const { log, notices } = this.#options;
    log.info("named link", { ...state });
    if (state.state === "reconfigured") notices.set("named_link", state.error.message);
  }

  async #end(): Promise<void> {
    this.#retry?.cancel();
    await this.#process?.stop();
    this.#process = undefined;
    this.#listener?.close();
    this.#listener = undefined;
  }

  #next(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch((error: unknown) => {
      const problem = error instanceof MusterError ? error.message : "internal error";
      this.#options.log.error("the named link could not be changed", { problem, error });
    });
    return turn;
  }
}

/** Every name beside this one: the hub leads some of them here, and the gateway knows which are this device's. */
function siblingsOf(hostname: string): string {
  return `*.${hostname.slice(hostname.indexOf(".") + 1)}`;
}
