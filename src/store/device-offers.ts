// What each device last said it offers, one row a device, so that it can be told of while the device is away.
import type { Kysely, Selectable } from "kysely";
import type { DeviceOffersTable, HubDatabase } from "./hub-schema.ts";

export type DeviceOffersRow = Selectable<DeviceOffersTable>;

export async function listDeviceOffers(db: Kysely<HubDatabase>): Promise<DeviceOffersRow[]> {
  return db.selectFrom("device_offers").selectAll().execute();
}

export async function saveDeviceOffers(db: Kysely<HubDatabase>, row: DeviceOffersRow): Promise<void> {
  const { device_id: _, ...said } = row;
  await db
    .insertInto("device_offers")
    .values(row)
    .onConflict((conflict) => conflict.column("device_id").doUpdateSet(said))
    .execute();
}
