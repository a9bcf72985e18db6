// Devices that joined by the hub's word alone are unconfirmed until an entry of their owner's log names them. The
// log decides; this hub only remembers what it says, so that lists and sessions can show it.
import type { Kysely } from "kysely";
import type { Log } from "../../protocol/log.ts";
import { confirmDevice, type DeviceRow } from "../../store/devices.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Audit } from "../audit.ts";
import type { DeviceBook } from "../device-book.ts";
import type { OwnerLogs } from "../owner-logs.ts";

export interface ConfirmationParts {
  db: Kysely<HubDatabase>;
  ownerLogs: OwnerLogs;
  devices: DeviceBook;
  audit: Audit;
  log: Log;
}

export class Confirmations {
  readonly #parts: ConfirmationParts;

  constructor(parts: ConfirmationParts) {
    this.#parts = parts;
    parts.ownerLogs.onAppended((root) => {
      this.#lookAll(root).catch((error: unknown) =>
        parts.log.error("a device could not be confirmed", { error }),
      );
    });
  }

  /** What an earlier run read in a log and did not write down. */
  async finish(): Promise<void> {
    for (const root of this.#parts.ownerLogs.roots()) await this.#lookAll(root);
  }

  /** The row as it is now that its owner's log was looked at. */
  async look(device: DeviceRow): Promise<DeviceRow> {
    const { db, ownerLogs, devices, audit } = this.#parts;
    // Among those that are looked at when the log grows, before it is looked at now.
    if (devices.byId(device.device_id) === undefined) devices.keep(device);
    const known = ownerLogs.get(device.owner_root)?.participant(device.public_key);
    if (device.confirmed === 1 || known === undefined) return device;
    const first = await confirmDevice(db, device.device_id);
    await devices.refresh(device.device_id);
    if (first) {
      await audit.record({
        actor: "hub",
        action: "device.confirmed",
        target: `device:${device.device_id}`,
        detail: { name: device.name },
        ownerRoot: device.owner_root,
      });
    }
    return { ...device, confirmed: 1 };
  }

  async #lookAll(root: string): Promise<void> {
    for (const device of this.#parts.devices.ofOwners([root])) {
      if (device.confirmed === 0) await this.look(device);
    }
  }
}
