// The end of a device at this hub: its row is revoked, its shares are gone, its sessions and streams are cut.
// It comes by an owner log's `remove` entry, or by the hub's own revocation, which a person may ask for. Only
// the former ever makes a device forget its key: the entry is shown to it, and it decides by its own copy.
//
// The entry is durable before any of this begins, so a hub that was killed in between ends at its next start
// what it did not end before.
import type { Kysely } from "kysely";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { parseCanonicalJson } from "../../protocol/canonical-json.ts";
import { MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import type { HubMessage } from "../../protocol/messages.ts";
import { ENTRY_BODIES, type OwnerLogEntry } from "../../protocol/owner-log.ts";
import { revokeDevice, type DeviceRow } from "../../store/devices.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Audit } from "../audit.ts";
import type { DeviceBook } from "../device-book.ts";
import type { OwnerLogs } from "../owner-logs.ts";
import type { Directory } from "../sessions/directory.ts";
import type { Session } from "../sessions/session.ts";
import type { ShareTable } from "../shares/share-table.ts";

export interface RemovalParts {
  db: Kysely<HubDatabase>;
  ownerLogs: OwnerLogs;
  devices: DeviceBook;
  shares: ShareTable;
  directory: Directory;
  audit: Audit;
  log: Log;
  now(): number;
  /** What else hangs on a device elsewhere: its named link, for one. Never rejects. */
  revoked?(device: DeviceRow): void;
}

export const REMOVED = "this device was removed by its owner";
export const REVOKED = "this hub has revoked this device";

/** Room for the rest of the message around its entries. */
const PAGE_MAX_BYTES = MESSAGE_MAX_BYTES - 1024;

export class Removals {
  readonly #parts: RemovalParts;

  constructor(parts: RemovalParts) {
    this.#parts = parts;
    parts.ownerLogs.onAppended((_root, entries) => {
      for (const entry of entries) if (entry.kind === "remove") this.#removed(entry);
    });
    // Taken out while its row was being written: the entry found nothing here to revoke.
    parts.devices.onNew((device) => {
      if (device.revoked_at === null && this.wasRemoved(device)) this.#revokeOrCut(device, "hub");
    });
  }

  /** What an earlier run wrote into a log and did not carry out. */
  async finish(): Promise<void> {
    const { devices, ownerLogs } = this.#parts;
    for (const device of devices.ofOwners(ownerLogs.roots())) {
      if (device.revoked_at === null && this.wasRemoved(device)) await this.revoke(device, "hub");
    }
  }

  wasRemoved({ owner_root, public_key }: Pick<DeviceRow, "owner_root" | "public_key">): boolean {
    return this.#parts.ownerLogs.get(owner_root)?.wasRemoved(public_key) === true;
  }

  /** Repeatable; whatever is left of it goes. */
  async revoke(device: DeviceRow, actor: string): Promise<void> {
    const { db, devices, shares, audit, now } = this.#parts;
    const first = await revokeDevice(db, device.device_id, now());
    await devices.refresh(device.device_id);
    shares.forgetDevice(device.device_id);
    this.#cut(device.public_key, this.wasRemoved(device) ? REMOVED : REVOKED);
    this.#parts.revoked?.(device);
    if (!first) return;
    await audit.record({
      actor,
      action: "device.revoked",
      target: `device:${device.device_id}`,
      detail: { name: device.name },
      ownerRoot: device.owner_root,
    });
  }

  /** A session that was being admitted while its key was taken away. */
  joined(session: Session): void {
    const device = this.#parts.devices.byKey(session.facts.publicKey);
    if (device === undefined || (device.revoked_at === null && !this.wasRemoved(device))) return;
    session.close("forbidden", this.wasRemoved(device) ? REMOVED : REVOKED);
  }

  /**
   * Its owner's log, which shows a key why it is refused, in messages of a size that may be sent before a
   * registration. Whole, for it may never have seen any of it. Nothing for a key that no entry took out.
   */
  proofFor(publicKey: Uint8Array): HubMessage<"log_entries">[] {
    const device = this.#parts.devices.byKey(publicKey);
    const log = device === undefined ? undefined : this.#parts.ownerLogs.get(device.owner_root);
    if (device === undefined || log === undefined || !log.wasRemoved(publicKey)) return [];
    return pages(device.owner_root, log.entries);
  }

  #removed(entry: OwnerLogEntry): void {
    const publicKey = removedKey(entry);
    const device = publicKey === undefined ? undefined : this.#parts.devices.byKey(publicKey);
    if (publicKey === undefined) return;
    // Others may write its key into their logs, and out of them: it is not theirs.
    if (device !== undefined && device.owner_root !== entry.log) return;
    // Only what it was let use was taken back.
    if (this.#parts.ownerLogs.get(entry.log)?.wasRemoved(publicKey) !== true) return;
    // It is in no list of recipients any more, and has to see the entry to believe it.
    for (const session of this.#sessionsOf(publicKey)) {
      session.send({ type: "log_entries", owner_root: entry.log, entries: [entry] });
    }
    if (device === undefined) return this.#cut(publicKey, REMOVED);
    this.#revokeOrCut(device, `key:${entry.by}`);
  }

  #revokeOrCut(device: DeviceRow, actor: string): void {
    this.revoke(device, actor).catch((error: unknown) => {
      this.#parts.log.error("a removed device could not be revoked", { device: device.device_id, error });
      this.#cut(device.public_key, REMOVED);
    });
  }

  #cut(publicKey: Uint8Array, why: string): void {
    for (const session of this.#sessionsOf(publicKey)) session.close("forbidden", why);
  }

  #sessionsOf(publicKey: Uint8Array): Session[] {
    const key = toBase64Url(publicKey);
    return [...this.#parts.directory.all()].filter((session) => session.key === key);
  }
}

function removedKey(entry: OwnerLogEntry): Uint8Array | undefined {
  const read = ENTRY_BODIES.remove.safeParse(parseCanonicalJson(entry.body));
  return read.success ? fromBase64Url(read.data.public_key) : undefined;
}

function pages(root: string, entries: readonly OwnerLogEntry[]): HubMessage<"log_entries">[] {
  const found: HubMessage<"log_entries">[] = [];
  let page: OwnerLogEntry[] = [];
  let size = 0;
  for (const entry of entries) {
    const length = JSON.stringify(entry).length;
    if (page.length > 0 && size + length > PAGE_MAX_BYTES) {
      found.push({ type: "log_entries", owner_root: root, entries: page });
      page = [];
      size = 0;
    }
    page.push(entry);
    size += length + 1;
  }
  if (page.length > 0) found.push({ type: "log_entries", owner_root: root, entries: page });
  return found;
}
