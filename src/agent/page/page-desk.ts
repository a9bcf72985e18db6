// What a page that this agent serves may ask and order. The fleet comes from the hub, over this device's own session;
// who may command comes from this device's own copy of the owner log; an order is done by this device itself, as
// this user's own shell could do it.
import type { Kysely } from "kysely";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { ClientMessage, ClientToHub, HubToClient } from "../../protocol/messages.ts";
import { appendAudit } from "../../store/audit.ts";
import type { CommonDatabase } from "../../store/common-schema.ts";
import type { Clock } from "../../world/world.ts";
import { commandKind, obey, type CommandActions } from "../command-actions.ts";
import type { HubPort } from "../hub-port.ts";
import type { OwnerBook } from "../owner-book.ts";

export interface PageDeskOptions {
  db: Kysely<CommonDatabase>;
  clock: Pick<Clock, "now">;
  hub: Pick<HubPort, "request" | "state">;
  book: Pick<OwnerBook, "log">;
  ownerRoot: string;
  deviceId: string;
  actions: CommandActions;
}

export class PageDesk {
  readonly #options: PageDeskOptions;

  constructor(options: PageDeskOptions) {
    this.#options = options;
  }

  /** A picture of the fleet is only shown while there is a hub that stands for it. */
  demandHub(): void {
    const { state } = this.#options.hub;
    if (state.at === "connected") return;
    throw new MusterError("hub_unreachable", "this device has no session with its hub", {
      hint: state.problem?.message ?? "see `muster status`",
    });
  }

  ownerLog(): HubToClient | undefined {
    const { book, ownerRoot } = this.#options;
    if (book.log === undefined) return undefined;
    return { type: "log_entries", owner_root: ownerRoot, entries: [...book.log.entries] };
  }

  /** `browser` names the page in the record. Rejects with a refusal. */
  async answer(message: ClientToHub, browser: string): Promise<HubToClient> {
    const { hub, book, ownerRoot } = this.#options;
    if (message.type === "fleet_get" || message.type === "fleet_watch") {
      return { ...(await hub.request({ type: "fleet_get" }, "fleet")), id: message.id };
    }
    if (message.type === "log_get") {
      const entries = message.owner_root === ownerRoot ? (book.log?.entries.slice(message.from) ?? []) : [];
      return { type: "log_entries", id: message.id, owner_root: message.owner_root, entries: [...entries] };
    }
    if (message.type === "audit_get") {
      const { limit, cursor } = message;
      return { ...(await hub.request({ type: "audit_get", limit, cursor }, "audit")), id: message.id };
    }
    if (message.type === "device_rename") {
      const { device_id, name } = message;
      const renamed = await hub.request({ type: "device_rename", device_id, name }, "device_renamed");
      return { ...renamed, id: message.id };
    }
    if (message.type === "command") return this.#order(message, browser);
    throw notHere();
  }

  async #order(message: ClientMessage<"command">, browser: string): Promise<HubToClient> {
    const { db, clock, actions, deviceId, ownerRoot } = this.#options;
    if (message.device_id !== deviceId) {
      throw new MusterError("forbidden", "this page orders the device that serves it, and no other");
    }
    const kind = commandKind(message.kind);
    const outcome = await obey(actions, kind, message.request).then(
      (result) => ({ result: JSON.stringify(result) }),
      (error: unknown) => ({ error: publicError(error).toJSON() }),
    );
    const detail = {
      command_id: message.command_id,
      outcome: "error" in outcome ? outcome.error.code : "ok",
    };
    const row = { actor: `page:${browser}`, action: kind, target: `device:${deviceId}`, detail, ownerRoot };
    await appendAudit(db, { at: clock.now(), ...row });
    return { type: "command_outcome", id: message.id, ...outcome };
  }
}

export function notHere(): MusterError {
  return new MusterError("unavailable", "the page of this device's own agent does not do that", {
    hint: "use the command line here, or the hub's page",
  });
}
