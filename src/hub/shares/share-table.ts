// What is published on this hub, held in memory so that a request finds its share by one look-up. The
// database is written first; the table follows.
import type { Kysely } from "kysely";
import { fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ClientMessage } from "../../protocol/messages.ts";
import type { ProofView, ShareAccess, ShareKind, ShareState } from "../../protocol/views.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { HubDatabase, ShareLink } from "../../store/hub-schema.ts";
import type { Sealer } from "../../store/seal.ts";
import {
  listShares,
  publishShare,
  removeExpiredShares,
  removeShare,
  type HubShareRow,
} from "../../store/shares.ts";

export interface ShareRecord {
  shareId: string;
  deviceId: string;
  label: string;
  kind: ShareKind;
  access: ShareAccess;
  description: string | null;
  proofKey: Uint8Array;
  createdAtMs: number;
  expiresAtMs: number | null;
  /** What it asks to be carried by. */
  link: ShareLink;
  /** Its address leads to its device's tunnel, and not to this hub. */
  byTunnel: boolean;
  /** As its device last said. */
  state: ShareState;
  proof: ProofView;
}

export const NEVER_PROVED: ProofView = {
  state: "unknown",
  checked_at: null,
  latency_ms: null,
  reason: "not tried yet",
};

/** Bytes of a share's proof key. */
const PROOF_KEY_BYTES = 32;

export interface ShareTableOptions {
  db: Kysely<HubDatabase>;
  sealer: Sealer;
  now(): number;
  changed(deviceId: string): void;
}

export class ShareTable {
  readonly #options: ShareTableOptions;
  readonly #byLabel = new Map<string, ShareRecord>();
  readonly #byId = new Map<string, ShareRecord>();
  readonly #byDevice = new Map<string, Map<string, ShareRecord>>();

  constructor(options: ShareTableOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const row of await listShares(this.#options.db)) this.#keep(row, "running");
  }

  /** The way of every request. */
  byLabel(label: string): ShareRecord | undefined {
    return this.#byLabel.get(label);
  }

  byId(shareId: string): ShareRecord | undefined {
    return this.#byId.get(shareId);
  }

  all(): ShareRecord[] {
    return [...this.#byId.values()];
  }

  ofDevice(deviceId: string): ShareRecord[] {
    return [...(this.#byDevice.get(deviceId)?.values() ?? [])];
  }

  async publish(
    device: Pick<DeviceRow, "device_id" | "owner_root">,
    wish: ClientMessage<"share_publish">,
  ): Promise<ShareRecord> {
    const proofKey = fromBase64Url(wish.proof_key);
    if (proofKey?.length !== PROOF_KEY_BYTES)
      throw new MusterError("invalid", `a proof key has ${PROOF_KEY_BYTES} bytes`);
    const { db, sealer, now } = this.#options;
    const row = await publishShare(
      db,
      {
        shareId: wish.share_id,
        deviceId: device.device_id,
        ownerRoot: device.owner_root,
        wish: wish.wish,
        kind: wish.kind,
        access: wish.access,
        description: wish.description,
        proofKey: sealer.seal(sealContext(wish.share_id), proofKey),
        createdAt: Date.parse(wish.created_at),
        expiresAt: wish.expires_at === null ? null : Date.parse(wish.expires_at),
        link: wish.link ?? "hub",
      },
      now(),
    );
    const record = this.#keep(row, wish.state);
    this.#options.changed(record.deviceId);
    return record;
  }

  async remove(deviceId: string, shareId: string): Promise<boolean> {
    const { db, now } = this.#options;
    const removed = await removeShare(db, { deviceId, shareId, now: now() });
    if (removed) this.#forget(shareId);
    return removed;
  }

  async removeExpired(): Promise<void> {
    const { db, now } = this.#options;
    const due = this.all().some((share) => share.expiresAtMs !== null && share.expiresAtMs <= now());
    if (!due) return;
    for (const row of await removeExpiredShares(db, now())) this.#forget(row.share_id);
  }

  /** What a revoked device had published is gone from the database already. */
  forgetDevice(deviceId: string): void {
    for (const share of this.ofDevice(deviceId)) this.#forget(share.shareId);
  }

  /** These and no others are led to a tunnel by their addresses. What was proved of another way is forgotten. */
  setByTunnel(shareIds: ReadonlySet<string>): void {
    for (const share of this.#byId.values()) {
      const byTunnel = shareIds.has(share.shareId);
      if (share.byTunnel === byTunnel) continue;
      share.byTunnel = byTunnel;
      this.setProof(share.shareId, NEVER_PROVED);
    }
  }

  setState(shareId: string, state: ShareState): void {
    const share = this.#byId.get(shareId);
    if (share === undefined || share.state === state) return;
    share.state = state;
    this.#options.changed(share.deviceId);
  }

  setProof(shareId: string, proof: ProofView): void {
    const share = this.#byId.get(shareId);
    if (share === undefined) return;
    const turned = share.proof.state !== proof.state || share.proof.reason !== proof.reason;
    share.proof = proof;
    if (turned) this.#options.changed(share.deviceId);
  }

  #keep(row: HubShareRow, state: ShareState): ShareRecord {
    const known = this.#byId.get(row.share_id);
    if (known !== undefined && known.label !== row.label) this.#byLabel.delete(known.label);
    const record: ShareRecord = {
      shareId: row.share_id,
      deviceId: row.device_id,
      label: row.label,
      kind: row.kind,
      access: row.access,
      description: row.description,
      proofKey: this.#options.sealer.open(sealContext(row.share_id), row.proof_key),
      createdAtMs: row.created_at,
      expiresAtMs: row.expires_at,
      link: row.link,
      byTunnel: known?.byTunnel ?? false,
      state,
      proof: known?.proof ?? NEVER_PROVED,
    };
    this.#byId.set(record.shareId, record);
    this.#byLabel.set(record.label, record);
    const held = this.#byDevice.get(record.deviceId) ?? new Map<string, ShareRecord>();
    this.#byDevice.set(record.deviceId, held.set(record.shareId, record));
    return record;
  }

  #forget(shareId: string): void {
    const share = this.#byId.get(shareId);
    if (share === undefined) return;
    this.#byId.delete(shareId);
    this.#byLabel.delete(share.label);
    const held = this.#byDevice.get(share.deviceId);
    held?.delete(shareId);
    if (held?.size === 0) this.#byDevice.delete(share.deviceId);
    this.#options.changed(share.deviceId);
  }
}

function sealContext(shareId: string): string[] {
  return ["shares", "proof_key", shareId];
}
