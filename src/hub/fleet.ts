// The picture of the fleet that people, CLIs and devices see, made from what is so now; and who wants to be
// told when it changes. Changes are gathered, for longer the longer they go on, and a picture is made and encoded
// once for all who see the same: ten thousand devices coming back are a few pictures and not ten thousand. Of a change
// of one device only those are told who see it.
import { utf8 } from "../protocol/bytes.ts";
import type { HubToClient } from "../protocol/messages.ts";
import { rootsOf } from "../protocol/actors.ts";
import { PROVEN_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import type { ServiceView } from "../protocol/services.ts";
import type { DeviceView, FleetView, ShareView } from "../protocol/views.ts";
import type { DeviceRow } from "../store/devices.ts";
import type { Timers } from "../world/world.ts";
import type { Addresses } from "./addresses.ts";
import { coOwnersNamed } from "./co-owners.ts";
import { withinSize } from "./fleet-size.ts";
import type { DeviceBook } from "./device-book.ts";
import type { Offers } from "./devices/offers.ts";
import type { OwnerLogs } from "./owner-logs.ts";
import type { Directory } from "./sessions/directory.ts";
import type { Session } from "./sessions/session.ts";
import type { ShareRecord, ShareTable } from "./shares/share-table.ts";

/** Of a first change; doubled while they go on. */
const GATHER_MS = 100;
const GATHER_MAX_MS = 1000;
/** Away for so long a device is shown as stale. Nothing of it is removed for that. */
const STALE_AFTER_MS = 30 * 86_400_000;
/** Of one, with room for the message around it. */
const PICTURE_MAX_BYTES = PROVEN_MESSAGE_MAX_BYTES - 1024;

export interface FleetParts {
  timers: Timers;
  addresses: Addresses;
  devices: DeviceBook;
  shares: ShareTable;
  directory: Directory;
  offers: Pick<Offers, "of" | "services">;
  ownerLogs: OwnerLogs;
  now(): number;
  hub: { id: string; version: string };
}

export class Fleet {
  readonly #parts: FleetParts;
  #gathering = false;
  /** Something that anybody may see is different. */
  #isOld = false;
  /** Devices of which something is different. */
  #touched = new Set<string>();
  /** Watchers that did not read when the last picture was made. */
  #behind = new Set<Session>();
  /** What each watcher was last told the picture of: by time alone it may come to see another. */
  readonly #told = new WeakMap<Session, string>();

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  /** What the owners of these logs see. */
  viewOf(roots: readonly string[]): FleetView {
    const { devices, shares, addresses, hub } = this.#parts;
    const rows = devices.commandedBy(roots);
    return {
      hub: { url: addresses.hubUrl, ...hub },
      devices: rows.map((row) => this.#device(row, roots)),
      shares: rows.flatMap((row) =>
        shares.ofDevice(row.device_id).map((share) => this.#share(share, row.name)),
      ),
    };
  }

  /** Something of it is different now: of one device alone, or, without one, whatever it is. */
  changed(deviceId?: string): void {
    if (deviceId === undefined) this.#isOld = true;
    else this.#touched.add(deviceId);
    if (!this.#gathering) this.#gather(GATHER_MS);
  }

  /** What one session may see, in a message. */
  viewFor(session: Session): FleetView {
    return withinSize(this.viewOf(rootsOf(session.actor)), PICTURE_MAX_BYTES);
  }

  #gather(forMs: number): void {
    this.#gathering = true;
    this.#parts.timers.after(forMs, () => {
      this.#gathering = false;
      if (!this.#isOld && this.#touched.size === 0 && this.#behind.size === 0) return;
      this.#tellWatchers();
      this.#gather(Math.min(2 * forMs, GATHER_MAX_MS));
    });
  }

  /** Those to whom something is new, and those that are behind: each sees the last picture in the end. */
  #tellWatchers(): void {
    const { directory } = this.#parts;
    const before = this.#behind;
    const isNews = this.#newsSince();
    this.#behind = new Set();
    const pictures = new Map<string, Uint8Array>();
    for (const session of directory.all()) {
      if (!session.watchesFleet) continue;
      const roots = rootsOf(session.actor);
      const key = roots.join(" ");
      if (!before.has(session) && this.#told.get(session) === key && !isNews(roots, key)) continue;
      if (!session.hears) {
        this.#behind.add(session);
        continue;
      }
      const picture = pictures.get(key) ?? this.#pictureOf(roots);
      pictures.set(key, picture);
      session.tellEncoded(picture);
      this.#told.set(session, key);
    }
  }

  /** Whether the owners of these logs see any of what is different since the last pictures. */
  #newsSince(): (roots: readonly string[], key: string) => boolean {
    const { devices } = this.#parts;
    const [isOld, touched] = [this.#isOld, this.#touched];
    this.#isOld = false;
    this.#touched = new Set();
    if (isOld || touched.size === 0) return () => isOld;
    const known = new Map<string, boolean>();
    return (roots, key) => {
      const sees =
        known.get(key) ?? devices.commandedBy(roots).some(({ device_id }) => touched.has(device_id));
      known.set(key, sees);
      return sees;
    };
  }

  #pictureOf(roots: readonly string[]): Uint8Array {
    const encoded = (fleet: FleetView): Uint8Array =>
      utf8(JSON.stringify({ type: "fleet", fleet } satisfies HubToClient));
    const whole = this.viewOf(roots);
    const bytes = encoded(whole);
    return bytes.length <= PROVEN_MESSAGE_MAX_BYTES ? bytes : encoded(withinSize(whole, PICTURE_MAX_BYTES));
  }

  #device(row: DeviceRow, roots: readonly string[]): DeviceView {
    const { directory, addresses, ownerLogs, now } = this.#parts;
    // A browser is online while its page is.
    const page = row.kind === "browser" ? directory.page(row.device_id) : undefined;
    const session = directory.device(row.device_id) ?? page;
    const online = session !== undefined;
    const since = session?.facts.sinceMs ?? row.last_seen;
    const isShared = !roots.includes(row.owner_root);
    const role = isShared ? undefined : ownerLogs.get(row.owner_root)?.roleOf(row.public_key, now());
    return {
      id: row.device_id,
      name: row.name,
      kind: row.kind,
      platform: row.platform,
      status: statusOf(row, { online, now: now() }),
      since: instant(since),
      last_seen: online ? instant(now()) : instant(row.last_seen),
      agent_version: row.agent_version,
      location: row.location,
      hostname: addresses.deviceHost(row.name) || null,
      controller: role === "controller",
      ...(row.confirmed === 0 ? { confirmed: false } : {}),
      ...(isShared ? { shared: true } : this.#coOwners(row)),
      latency_ms: round(session?.trunk.roundTripMs),
      health: session?.health ?? null,
      ...this.#offered(row),
    };
  }

  /** What was removed has nothing to offer any more. */
  #offered(row: DeviceRow): Pick<DeviceView, "services" | "capabilities" | "queries"> {
    if (row.revoked_at !== null) return { services: [], capabilities: [], queries: [] };
    const { offers } = this.#parts;
    const { capabilities, queries } = offers.of(row.device_id);
    const services = offers
      .services(row.device_id)
      .map((service) => ({ ...service, url: this.#serviceUrl(service, row.name) }));
    return { services, capabilities: [...capabilities], queries: [...queries] };
  }

  #coOwners(row: DeviceRow): Pick<DeviceView, "co_owners"> {
    const { ownerLogs } = this.#parts;
    const named = coOwnersNamed(ownerLogs, row);
    return named.length === 0 ? {} : { co_owners: named };
  }

  #serviceUrl({ name, service_type: type }: ServiceView, device: string): string | null {
    if (type !== "http") return null;
    return this.#parts.addresses.serviceUrl({ service: name, device }) ?? null;
  }

  #share(share: ShareRecord, deviceName: string): ShareView {
    const { addresses } = this.#parts;
    const url = addresses.shareUrl(share.label);
    return {
      id: share.shareId,
      name: share.label,
      kind: share.kind,
      state: share.state,
      url,
      access: share.access,
      device_id: share.deviceId,
      device_name: deviceName,
      description: share.description,
      created_at: new Date(share.createdAtMs).toISOString(),
      expires_at: instant(share.expiresAtMs),
      proof: share.proof,
      links: [{ kind: share.byTunnel ? "named" : "hub", url, state: share.proof.state }],
      stable: true,
    };
  }
}

function statusOf(
  { revoked_at, last_seen }: Pick<DeviceRow, "revoked_at" | "last_seen">,
  { online, now }: { online: boolean; now: number },
): DeviceView["status"] {
  if (revoked_at !== null) return "revoked";
  if (online) return "online";
  if (last_seen === null) return "pending";
  return now - last_seen >= STALE_AFTER_MS ? "stale" : "offline";
}

function instant(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}

function round(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 100) / 100;
}
