// This device's named link: cloudflared under supervision, leading to one unix socket of ours. It is taken only when
// this device's own configuration says so, because whoever holds the hub's Cloudflare token could point it
// elsewhere; the person here is told that sentence as long as it runs.
//
// The socket answers for the device's own host name, and believes nothing that a request says of its visitor:
// `/health` is for everyone, all else is not found.
import { ServerConnection } from "../http1/server-connection.ts";
import type { Ticker } from "../http1/ticker.ts";
import { field } from "../http1/field.ts";
import { NOBODY, type Exchange, type ExchangeEvents } from "../http1/exchange.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { MusterError, publicError } from "../protocol/errors.ts";
import type { Log } from "../protocol/log.ts";
import { NAMED_LINK_WARNING, readCredentialsFile } from "../tunnels/cloudflared.ts";
import { CloudflaredProcess, type CloudflaredState } from "../tunnels/cloudflared-process.ts";
import type { Listener, World } from "../world/world.ts";
import type { Notices } from "./notices.ts";
import { writeTunnelFile, type ToldCredentials } from "./tunnel-file.ts";

export interface NamedTunnelOptions {
  world: Pick<World, "clock" | "timers" | "random" | "network" | "disk" | "processes">;
  ticker: Ticker;
  log: Log;
  notices: Notices;
  /** `[links] named` of this device's own configuration. */
  wanted: boolean;
  /** Path of cloudflared; undefined where there is none. */
  program: string | undefined;
  credentialsPath: string;
  /** A folder of its own for the helper. */
  folder: string;
  socketPath: string;
  /** This device's own host name at the moment; "" where it has none. */
  hostname(): string;
}

const NOT_WANTED =
  "the hub offers this device a named link; it is taken only with `named = true` under [links] in muster.toml. " +
  NAMED_LINK_WARNING;

export class NamedTunnel {
  readonly #options: NamedTunnelOptions;
  #listener: Listener | undefined;
  #process: CloudflaredProcess | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: NamedTunnelOptions) {
    this.#options = options;
  }

  get state(): CloudflaredState {
    return this.#process?.state ?? { state: "stopped" };
  }

  /** Starts what the credentials on the disk are for, if there are any and it is wanted. */
  start(): Promise<void> {
    return this.#next(() => this.#start());
  }

  /** The hub handed over credentials. True once they are on the disk and the helper begins with them. */
  async take(told: ToldCredentials): Promise<boolean> {
    const { wanted, notices, credentialsPath, world } = this.#options;
    if (!wanted) {
      notices.set("named_link", NOT_WANTED);
      return false;
    }
    await this.#next(async () => {
      await this.#end();
      await writeTunnelFile(world.disk, credentialsPath, told);
      await this.#start();
    });
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

  stop(): Promise<void> {
    return this.#next(() => this.#end());
  }

  async #start(): Promise<void> {
    const { world, wanted, notices, program, log } = this.#options;
    const { credentialsPath, folder, socketPath, hostname } = this.#options;
    if ((await world.disk.info(credentialsPath)) === undefined) return;
    if (!wanted) return notices.set("named_link", NOT_WANTED);
    if (program === undefined) {
      notices.set("named_link", "cloudflared not found: install it, and start the agent again");
      return log.error("cloudflared not found", { hint: "install it, and start the agent again" });
    }
    if (hostname() === "") {
      return notices.set(
        "named_link",
        "this device has no host name at its hub, so its named link leads nowhere",
      );
    }
    const text = new TextDecoder().decode(await world.disk.read(credentialsPath));
    const { tunnelId } = readCredentialsFile(text);
    notices.set("named_link", NAMED_LINK_WARNING);
    log.warn(NAMED_LINK_WARNING);
    this.#listener = await world.network.listen({
      address: { path: socketPath },
      connection: (socket) =>
        new ServerConnection({
          stream: socket,
          ticker: this.#options.ticker,
          handler: (head, exchange) => this.#answer(head, exchange),
          handlerFailed: (error) => log.error("fault at the named link", { error }),
        }),
    });
    this.#process = new CloudflaredProcess({
      program,
      folder,
      plan: { tunnelId, hostname: hostname(), credentialsPath, socketPath },
      world,
      log,
      changed: (state) => this.#changed(state),
    });
    await this.#process.start();
  }

  #answer(head: RequestHead, exchange: Exchange): ExchangeEvents {
    const own = head.host.toLowerCase() === this.#options.hostname();
    const health = own && head.target === "/health" && (head.method === "GET" || head.method === "HEAD");
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
