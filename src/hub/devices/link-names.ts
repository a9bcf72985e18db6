// Which host names lead to which tunnels, by what the hub's tables say at the moment: a device's own by its name,
// and those of its shares that ask for a named link. It looks again and again and has what differs made so, hence
// a hub that was killed between a change here and its DNS record goes on where it was.
import type { Kysely } from "kysely";
import { MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { listTunnels, type TunnelRow } from "../../store/tunnel-rows.ts";
import type { WantedHost } from "../../tunnels/cloudflare/hosts.ts";
import { namedLinksDisabled } from "../../tunnels/cloudflare/settings.ts";
import type { Timers } from "../../world/world.ts";
import type { DeviceBook } from "../device-book.ts";
import type { ShareRecord, ShareTable } from "../shares/share-table.ts";
import type { NamedLinks } from "./named-links.ts";

export interface LinkNamesParts {
  db: Kysely<HubDatabase>;
  named: NamedLinks;
  devices: Pick<DeviceBook, "byId">;
  shares: Pick<ShareTable, "all" | "setByTunnel">;
  timers: Timers;
  log: Log;
  now(): number;
  hostnameOf(label: string): string;
  shareUrl(label: string): string;
}

/** The device waits five seconds for its share's address; the rest goes on without it. */
const PLACE_WITHIN_MS = 3_000;

export class LinkNames {
  readonly #parts: LinkNamesParts;
  #looking = false;
  #again = false;

  constructor(parts: LinkNamesParts) {
    this.#parts = parts;
  }

  /** Now, or right after the look that is under way. What goes wrong is in the log, and tried again by itself. */
  look(): void {
    if (!this.#parts.named.configured) return;
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookUntilDone();
  }

  /**
   * Has a share's name lead to its device's tunnel. A provider that is slow, or out of reach, is asked on by itself:
   * until it answers, the hub carries the share at the same address. Throws what will not change by itself.
   */
  async place(share: ShareRecord): Promise<void> {
    const { named, timers, log } = this.#parts;
    if (!named.configured) throw notHere(namedLinksDisabled());
    const placed = named.hosts.place({ ...this.#wantedBy(share), hostname: this.#carriedHost(share) });
    void placed.then(() => this.look()).catch(() => undefined); // whoever waits for it hears of it
    let limit = (): void => {};
    const late = new Promise<void>((resolve) => {
      const timer = timers.after(PLACE_WITHIN_MS, resolve);
      limit = () => timer.cancel();
    });
    try {
      await Promise.race([placed, late]);
    } catch (error) {
      if (!(error instanceof MusterError) || error.code !== "provider_unreachable") throw error;
      log.warn("a share is carried by the hub until its name can be changed", {
        share: share.shareId,
        error,
      });
    } finally {
      limit();
    }
  }

  async #lookUntilDone(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#settle();
      }
    } catch (error) {
      this.#parts.log.error("the names of named links could not be looked at", { error });
    } finally {
      this.#looking = false;
    }
  }

  async #settle(): Promise<void> {
    const { db, named, shares } = this.#parts;
    for (const row of await listTunnels(db)) await this.#move(row);
    const wanted = shares.all().filter(({ link }) => link === "named");
    const standing = await named.hosts.settle(
      wanted.flatMap((share) => {
        const hostname = this.#hostOf(share);
        return hostname === undefined ? [] : [{ ...this.#wantedBy(share), hostname }];
      }),
    );
    shares.setByTunnel(standing);
  }

  /** A device's link follows the device's name. */
  async #move(row: TunnelRow): Promise<void> {
    const { devices, hostnameOf, named, now, log } = this.#parts;
    const device = devices.byId(row.holder);
    if (device === undefined || device.revoked_at !== null) return;
    const hostname = hostnameOf(device.name);
    // A rotation waits for its device, and ends before anything else begins.
    if (hostname === "" || hostname === row.hostname || !["ready", "creating"].includes(row.state)) return;
    if (row.tries > 0 && row.next_try_at > now()) return;
    try {
      await named.link.create({ holder: row.holder, hostname });
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      log.warn("a named link could not follow its device's name", { hostname, error });
    }
  }

  #wantedBy({ shareId, deviceId }: ShareRecord): Omit<WantedHost, "hostname"> {
    return { shareId, holder: deviceId };
  }

  #carriedHost(share: ShareRecord): string {
    const host = this.#hostOf(share);
    if (host !== undefined) return host;
    throw new MusterError("conflict", "a named link carries shares only at https://NAME.DOMAIN of the hub", {
      hint: "the hub needs a domain, https on port 443, and no share domain elsewhere; or leave out --link",
    });
  }

  /** Undefined where Cloudflare could not answer at the share's very address. */
  #hostOf({ label }: ShareRecord): string | undefined {
    const { hostnameOf, shareUrl } = this.#parts;
    const { protocol, port, hostname } = new URL(shareUrl(label));
    const domain = hostnameOf("x").slice(1);
    const fits = protocol === "https:" && port === "" && domain !== "" && hostname.endsWith(domain);
    return fits ? hostname : undefined;
  }
}

/** To a device `unavailable` means that there is no hub to ask. */
function notHere({ message, hint }: MusterError): MusterError {
  return new MusterError("conflict", message, hint === undefined ? {} : { hint });
}
