// What happens to a device between its joining and its end, as far as the hub has a hand in it: names, removal.
// The messages about it are answered here, each after the permission table was asked.
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ClientMessage, HubToClient } from "../../protocol/messages.ts";
import { demand, type ResourceOf } from "../../protocol/permissions.ts";
import { renameDevice, type DeviceRow } from "../../store/devices.ts";
import { RateLimiter } from "../rate-limit.ts";
import type { Clock } from "../../world/world.ts";
import type { Session } from "../sessions/session.ts";
import { Removals, type RemovalParts } from "./removals.ts";

export interface DeviceLifeParts extends RemovalParts {
  clock: Clock;
}

type LifeMessage = ClientMessage<"device_rename" | "device_revoke">;

/** Revocations of one account or controller. */
const DELETIONS = { burst: 20, refillMs: 3_600_000 };

export class DeviceLife {
  readonly removals: Removals;
  readonly #parts: DeviceLifeParts;
  readonly #deletions: RateLimiter;

  constructor(parts: DeviceLifeParts) {
    this.#parts = parts;
    this.removals = new Removals(parts);
    this.#deletions = new RateLimiter(parts.clock, DELETIONS);
  }

  async handle(session: Session, message: LifeMessage): Promise<HubToClient> {
    const device = this.#parts.devices.byId(message.device_id);
    switch (message.type) {
      case "device_rename": {
        demand(session.actor, "device.rename", deviceResource(device));
        const name = await this.rename(message, `device:${session.facts.deviceId}`);
        return { type: "device_renamed", id: message.id, device_id: message.device_id, name };
      }
      case "device_revoke":
        demand(session.actor, "device.revoke", deviceResource(device));
        if (device !== undefined) await this.removals.revoke(device, `device:${session.facts.deviceId}`);
        return { type: "done", id: message.id };
    }
  }

  /** The name that it got. */
  async rename(wish: { device_id: string; name: string }, actor: string): Promise<string> {
    const { db, devices, audit, now } = this.#parts;
    const before = devices.byId(wish.device_id);
    const name = await renameDevice(db, { deviceId: wish.device_id, name: wish.name }, now());
    if (before === undefined || name === undefined) {
      throw new MusterError("conflict", "this device was removed and keeps its last name");
    }
    const { name: former } = before;
    await devices.refresh(wish.device_id);
    await audit.record({
      actor,
      action: "device.renamed",
      target: `device:${wish.device_id}`,
      detail: { from: former, to: name },
      ownerRoot: before.owner_root,
    });
    return name;
  }

  /** Milliseconds to wait before this account may revoke another one; 0 when it may now. */
  deletionWaitMs(account: string): number {
    return this.#deletions.take(account);
  }
}

export function deviceResource(device: DeviceRow | undefined): ResourceOf<"device"> | undefined {
  if (device === undefined) return undefined;
  return {
    kind: "device",
    deviceKey: toBase64Url(device.public_key),
    ownerRoots: [device.owner_root],
  };
}
