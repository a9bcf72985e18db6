// The devices of this hub, held in memory beside the database: every registration, request and picture of the
// fleet needs them, and there are thousands at most.
import type { Kysely } from "kysely";
import { toBase64Url } from "../protocol/bytes.ts";
import { findDevice, listDevices, noteSeen, type DeviceRow, type Seen } from "../store/devices.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import { coOwnersOf, sharedWith } from "./co-owners.ts";
import type { OwnerLogs } from "./owner-logs.ts";

export interface DeviceBookOptions {
  db: Kysely<HubDatabase>;
  ownerLogs: OwnerLogs;
  now(): number;
  changed(deviceId: string): void;
}

export class DeviceBook {
  readonly #options: DeviceBookOptions;
  readonly #byId = new Map<string, DeviceRow>();
  readonly #byKey = new Map<string, DeviceRow>();
  readonly #byName = new Map<string, string>();
  readonly #byOwner = new Map<string, Map<string, DeviceRow>>();
  /** What outlives a restart of the hub, written in one commit now and then. */
  readonly #unsaved = new Map<string, Seen>();
  /** Where each device last came from, and how many came from there. */
  readonly #sources = new Map<string, string>();
  readonly #sourceCounts = new Map<string, number>();
  readonly #listeners: ((row: DeviceRow) => void)[] = [];

  constructor(options: DeviceBookOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const row of await listDevices(this.#options.db, this.#options.ownerLogs.roots())) {
      this.keep(row);
      this.#cameFrom(row.device_id, sourceIn(row.facts));
    }
  }

  /** Told of each device in the moment in which it is among these. */
  onNew(listener: (row: DeviceRow) => void): void {
    this.#listeners.push(listener);
  }

  /** How many devices were last seen from one source: an office behind one address is no attack. */
  countFrom(source: string): number {
    return this.#sourceCounts.get(source) ?? 0;
  }

  byId(deviceId: string): DeviceRow | undefined {
    return this.#byId.get(deviceId);
  }

  byKey(publicKey: Uint8Array): DeviceRow | undefined {
    return this.#byKey.get(toBase64Url(publicKey));
  }

  /** Whose host name this label is. A browser's name is only shown, and a revoked device has none. */
  byLabel(label: string): DeviceRow | undefined {
    const row = this.#byId.get(this.#byName.get(label) ?? "");
    return row === undefined || row.kind === "browser" || row.revoked_at !== null ? undefined : row;
  }

  /** Every device of these owners, by name. */
  ofOwners(roots: readonly string[]): DeviceRow[] {
    return this.#owned(roots).toSorted(byName);
  }

  /** The same, and what others share with these owners. */
  commandedBy(roots: readonly string[]): DeviceRow[] {
    const { ownerLogs } = this.#options;
    const shared = roots.flatMap((root) => sharedWith(ownerLogs, root));
    if (shared.length === 0) return this.ofOwners(roots);
    const found = new Set([...this.#owned(roots), ...shared.flatMap((key) => this.byKey(key) ?? [])]);
    return [...found].toSorted(byName);
  }

  /** Its own owner first. */
  ownersOf(device: DeviceRow): string[] {
    return [device.owner_root, ...coOwnersOf(this.#options.ownerLogs, device)];
  }

  /** The row as the database has it now, but for what was seen since the last save. */
  keep(row: DeviceRow): void {
    const { at, agentVersion, location }: Partial<Seen> = this.#unsaved.get(row.device_id) ?? {};
    if (at !== undefined) row.last_seen = at;
    if (agentVersion !== undefined) row.agent_version = agentVersion;
    if (location !== undefined) row.location = location;
    const known = this.#byId.get(row.device_id);
    if (known !== undefined && this.#byName.get(known.name) === row.device_id)
      this.#byName.delete(known.name);
    if (row.kind !== "browser") this.#byName.set(row.name, row.device_id);
    this.#byId.set(row.device_id, row);
    this.#byKey.set(toBase64Url(row.public_key), row);
    // A device never passes to another owner: it would be a new key.
    const owned = this.#byOwner.get(row.owner_root) ?? new Map<string, DeviceRow>();
    this.#byOwner.set(row.owner_root, owned.set(row.device_id, row));
    this.#options.changed(row.device_id);
    if (known === undefined) for (const listener of this.#listeners) listener(row);
  }

  async refresh(deviceId: string): Promise<void> {
    const row = await findDevice(this.#options.db, deviceId);
    if (row !== undefined) this.keep(row);
  }

  /** It was heard of just now. */
  seen(
    deviceId: string,
    facts: { at?: number; version?: string; location?: string | null; source?: string } = {},
  ): void {
    const row = this.#byId.get(deviceId);
    if (row === undefined) return;
    const { at = this.#options.now() } = facts;
    row.last_seen = at;
    row.agent_version = facts.version ?? row.agent_version;
    const seen: Seen = { ...this.#unsaved.get(deviceId), deviceId, at };
    if (facts.location !== undefined) {
      row.location = facts.location;
      seen.location = facts.location;
    }
    if (facts.version !== undefined) seen.agentVersion = facts.version;
    if (facts.source !== undefined) seen.facts = { source: facts.source };
    if (facts.source !== undefined) this.#cameFrom(deviceId, facts.source);
    this.#unsaved.set(deviceId, seen);
  }

  /** Writes what was seen since the last time. */
  async save(): Promise<void> {
    const seen = [...this.#unsaved.values()];
    this.#unsaved.clear();
    try {
      await noteSeen(this.#options.db, seen);
    } catch (error) {
      // It goes with the next, under what was heard since.
      for (const one of seen) {
        this.#unsaved.set(one.deviceId, { ...one, ...this.#unsaved.get(one.deviceId) });
      }
      throw error;
    }
  }

  #owned(roots: readonly string[]): DeviceRow[] {
    return roots.flatMap((root) => [...(this.#byOwner.get(root)?.values() ?? [])]);
  }

  #cameFrom(deviceId: string, source: string | undefined): void {
    const before = this.#sources.get(deviceId);
    if (source === undefined || before === source) return;
    if (before !== undefined) this.#sourceCounts.set(before, this.countFrom(before) - 1);
    this.#sources.set(deviceId, source);
    this.#sourceCounts.set(source, this.countFrom(source) + 1);
  }
}

function byName(a: DeviceRow, b: DeviceRow): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function sourceIn(facts: string): string | undefined {
  const value: unknown = JSON.parse(facts);
  if (typeof value !== "object" || value === null || !("source" in value)) return undefined;
  return typeof value.source === "string" ? value.source : undefined;
}
