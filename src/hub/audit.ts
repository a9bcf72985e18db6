// The record of who did what to which device, as an owner reads it later. Writing it never fails the deed: a
// full disk must not keep a person from revoking a device.
import type { Kysely } from "kysely";
import type { Log } from "../protocol/log.ts";
import { appendAudit, listAudit } from "../store/audit.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import type { Clock } from "../world/world.ts";

/** A closed list, so that a filter for one finds all of it. */
export type AuditAction =
  | "hub.began"
  | "hub.login_link_made"
  | "account.signed_in"
  | "account.signed_out"
  | "account.sign_in_refused"
  | "account.changed"
  | "device.joined"
  | "device.shared"
  | "device.join_refused"
  | "device.connected"
  | "device.disconnected"
  | "device.revoked"
  | "device.renamed"
  | "device.confirmed"
  | "device.admitted"
  | "device.denied"
  | "device.prepared"
  | "browser.admitted"
  | "log.appended"
  | "share.published"
  | "share.removed"
  | "share.entered"
  | "service.entered"
  | "command.relayed"
  | "session.opened"
  | "pairing.created"
  | "devices.paired"
  | "devices.unpaired";

export interface Deed {
  /** `device:…`, `user:…`, `address:…` or `hub`. */
  actor: string;
  action: AuditAction;
  target: string;
  /** Without secrets: it is shown as it is. */
  detail?: Record<string, unknown>;
  /** Whose it is to read; absent for what concerns the whole hub. */
  ownerRoot?: string;
  requestId?: string;
}

export interface AuditItem {
  id: string;
  /** ISO 8601. */
  at: string;
  actor: string;
  action: string;
  target: string;
  detail: Record<string, unknown>;
}

export interface AuditPage {
  items: AuditItem[];
  /** For the next page; null on the last. */
  cursor: string | null;
}

export interface Audit {
  record(deed: Deed): Promise<void>;
  /** Newest first. Undefined for a cursor that this hub did not give. */
  read(query: { ownerRoot: string; limit: number; cursor: string | null }): Promise<AuditPage | undefined>;
}

const CURSOR = /^[1-9][0-9]{0,14}$/;

export function createAudit(parts: { db: Kysely<HubDatabase>; clock: Pick<Clock, "now">; log: Log }): Audit {
  const { db, clock, log } = parts;
  return {
    async record(deed) {
      try {
        await appendAudit(db, { ...deed, at: clock.now() });
      } catch (error) {
        log.error("the audit record could not be written", {
          action: deed.action,
          target: deed.target,
          error,
        });
      }
    },

    async read({ ownerRoot, limit, cursor }) {
      if (cursor !== null && !CURSOR.test(cursor)) return undefined;
      const { rows, next } = await listAudit(db, {
        ownerRoot,
        limit,
        ...(cursor === null ? {} : { before: Number(cursor) }),
      });
      const items = rows.map((row) => ({
        id: String(row.id),
        at: new Date(row.at).toISOString(),
        actor: row.actor,
        action: row.action,
        target: row.target,
        detail: detailOf(row.detail),
      }));
      return { items, cursor: next === undefined ? null : String(next) };
    },
  };
}

// Written by ourselves as an object; a row that an older version left otherwise is shown without it.
function detailOf(text: string): Record<string, unknown> {
  const detail: unknown = JSON.parse(text);
  return typeof detail === "object" && detail !== null && !Array.isArray(detail) ? { ...detail } : {};
}
