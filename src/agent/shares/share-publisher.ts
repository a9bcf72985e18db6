// Tells the hub which shares this device has, in which state, and which are gone. The hub gives each its label
// and address. What is gone is told until the hub has taken it.
import { toBase64Url } from "../../protocol/bytes.ts";
import type { Kysely } from "kysely";
import { isErrorCode, MusterError, publicError, type ErrorCode } from "../../protocol/errors.ts";
import { SHARE_LABEL_WAIT_MS } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import type { ShareState } from "../../protocol/views.ts";
import type { CommonDatabase } from "../../store/common-schema.ts";
import type { Timers } from "../../world/world.ts";
import { answerWithin, type HubPort } from "../hub-port.ts";
import type { ShareRecord } from "./share-record.ts";
import { dropRemoval, listRemovals } from "./share-removals.ts";

/** What the hub says when there is no session, or none that answers. */
const OUT_OF_REACH: ReadonlySet<ErrorCode> = new Set(["hub_unreachable", "unavailable"]);

export interface PublisherOptions {
  hub: HubPort;
  db: Kysely<CommonDatabase>;
  timers: Timers;
  log: Log;
}

export interface Published {
  label: string;
  url: string;
}

export function isOutOfReach(error: unknown): boolean {
  const { code } = publicError(error);
  return isErrorCode(code) && OUT_OF_REACH.has(code);
}

export class SharePublisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Waits five seconds for the label. Rejects with `hub_unreachable`, or with the hub's refusal. */
  async publish({ row, flags }: ShareRecord, state: ShareState): Promise<Published> {
    const { hub, timers } = this.#options;
    const asked = hub.request(
      {
        type: "share_publish",
        share_id: row.id,
        wish: row.name,
        kind: row.kind,
        access: row.access,
        description: row.description,
        created_at: new Date(row.created_at).toISOString(),
        expires_at: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
        proof_key: toBase64Url(row.proof_key),
        state,
        ...(flags.link === "named" ? { link: flags.link } : {}),
      },
      "share_published",
    );
    const { share_id, label, url, link = "hub" } = await answerWithin(timers, SHARE_LABEL_WAIT_MS, asked);
    if (link !== flags.link) {
      throw new MusterError("conflict", "this hub carries shares by its own link alone", {
        hint: "leave out --link, or have the hub upgraded",
      });
    }
    if (share_id !== row.id) throw new MusterError("protocol_error", "the hub answered for another share");
    return { label, url };
  }

  tellState(shareId: string, state: ShareState): void {
    this.#options.hub.send({ type: "share_state", share_id: shareId, state });
  }

  /** What is gone and not told yet. */
  async tellRemovals(): Promise<void> {
    for (const shareId of await listRemovals(this.#options.db)) await this.#tellRemoval(shareId);
  }

  async #tellRemoval(shareId: string): Promise<void> {
    const { hub, db, timers, log } = this.#options;
    if (hub.state.at !== "connected") return;
    try {
      const asked = hub.request({ type: "share_remove", share_id: shareId }, "done");
      await answerWithin(timers, SHARE_LABEL_WAIT_MS, asked);
    } catch (error) {
      const { code } = publicError(error);
      if (code !== "not_found")
        return log.info("hub has not heard yet that a share is gone", { share: shareId, error_code: code });
    }
    await dropRemoval(db, shareId);
  }
}
