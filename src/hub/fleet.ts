// The picture of the fleet that people, CLIs and devices see, made from what is so now; and who wants to be
// told when it changes. Changes are gathered for a moment, so that a thousand devices coming back are a few
// pictures and not a thousand.
import { rootsOf } from "../protocol/permissions.ts";
import type { DeviceView, FleetView, ShareView } from "../protocol/views.ts";
import type { DeviceRow } from "../store/devices.ts";
import type { Timers } from "../world/world.ts";
import type { Addresses } from "./addresses.ts";
import type { DeviceBook } from "./device-book.ts";
import type { OwnerLogs } from "./owner-logs.ts";
import type { Directory } from "./sessions/directory.ts";
import type { Session } from "./sessions/session.ts";
import type { ShareRecord, ShareTable } from "./shares/share-table.ts";

const GATHER_MS = 100;

export interface FleetParts {
  timers: Timers;
  addresses: Addresses;
  devices: DeviceBook;
  shares: ShareTable;
  directory: Directory;
  ownerLogs: OwnerLogs;
  now(): number;
  hub: { id: string; version: string };
}

export class Fleet {
  readonly #parts: FleetParts;
  #gathering = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  /** What the owners of these logs see. */
  viewOf(roots: readonly string[]): FleetView {
    const { devices, shares, addresses, hub } = this.#parts;
    const rows = devices.ofOwners(roots);
    const names = new Map(rows.map((row) => [row.device_id, row.name]));
    const seen = shares.all().filter((share) => names.has(share.deviceId));
    return {
      hub: { url: addresses.hubUrl, ...hub },
      devices: rows.map((row) => this.#device(row)),
      shares: seen.map((share) => this.#share(share, names.get(share.deviceId) ?? "")),
    };
  }

  /** Something of it is different now. */
  changed(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#parts.timers.after(GATHER_MS, () => {
      this.#gathering = false;
      this.#tellWatchers();
    });
  }

  /** What one session may see. */
  viewFor(session: Session): FleetView {
    return this.viewOf(rootsOf(session.actor));
  }

  #tellWatchers(): void {
    const pictures = new Map<string, FleetView>();
    for (const session of this.#parts.directory.all()) {
      if (!session.watchesFleet) continue;
      const roots = rootsOf(session.actor);
      const key = roots.join(" ");
      const fleet = pictures.get(key) ?? this.viewOf(roots);
      pictures.set(key, fleet);
      session.tell({ type: "fleet", fleet });
    }
  }

  #device(row: DeviceRow): DeviceView {
    const { directory, addresses, ownerLogs, now } = this.#parts;
    const session = directory.device(row.device_id) ?? this.#pageOf(row);
    const online = session !== undefined;
    const since = session?.facts.sinceMs ?? row.last_seen;
    const role = ownerLogs.get(row.owner_root)?.roleOf(row.public_key, now());
    return {
      id: row.device_id,
      name: row.name,
      kind: row.kind,
      platform: row.platform,
      status:
        row.revoked_at !== null
          ? "revoked"
          : online
            ? "online"
            : row.last_seen === null
              ? "pending"
              : "offline",
      since: instant(since),
      last_seen: online ? instant(now()) : instant(row.last_seen),
      agent_version: row.agent_version,
      location: row.location,
      hostname: addresses.deviceHost(row.name) || null,
      controller: role === "controller",
      ...(row.confirmed === 0 ? { confirmed: false } : {}),
      latency_ms: round(session?.trunk.roundTripMs),
      health: session?.health ?? null,
    };
  }

  /** A browser is online while its page is. */
  #pageOf(row: DeviceRow): Session | undefined {
    if (row.kind !== "browser") return undefined;
    for (const session of this.#parts.directory.all()) {
      if (session.facts.kind === "person" && session.facts.deviceId === row.device_id) return session;
    }
    return undefined;
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
      links: [{ kind: "hub", url, state: share.proof.state }],
      stable: true,
    };
  }
}

function instant(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}

function round(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 100) / 100;
}
