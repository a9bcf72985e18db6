// Orders that wait at this home for a device that is away: durable, and not signed before the device is there.
import type { Kysely } from "kysely";
import type { ColumnTypes } from "../../store/column-types.ts";
import type { TaskCommand } from "../tasks/task.ts";

interface QueuedOrdersTable {
  /** The command id that it is going to have; its task's id. */
  id: string;
  device_id: string;
  /** As it was called then. */
  device_name: string;
  /** JSON of the request. */
  request: string;
  created_at: number;
  /** Why it is never going to be given; null while it may. */
  problem: string | null;
}

export interface QueueTables {
  queued_orders: QueuedOrdersTable;
}

export function queueTables({ integer, tableEnd }: ColumnTypes): string[] {
  return [
    `create table queued_orders (
      id text primary key,
      device_id text not null,
      device_name text not null,
      request text not null,
      created_at ${integer} not null,
      problem text
    ) ${tableEnd}`,
  ];
}

export interface QueuedOrder {
  id: string;
  device: { id: string; name: string };
  request: TaskCommand;
  createdAt: number;
  problem: string | null;
}

export async function addQueued(db: Kysely<QueueTables>, order: Omit<QueuedOrder, "problem">): Promise<void> {
  const { id, device, request, createdAt } = order;
  await db
    .insertInto("queued_orders")
    .values({
      id,
      device_id: device.id,
      device_name: device.name,
      request: JSON.stringify(request),
      created_at: createdAt,
      problem: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The oldest first. */
export async function queuedOrders(db: Kysely<QueueTables>): Promise<QueuedOrder[]> {
  const rows = await db.selectFrom("queued_orders").selectAll().orderBy("created_at").orderBy("id").execute();
  return rows.map((row) => ({
    id: row.id,
    device: { id: row.device_id, name: row.device_name },
    request: JSON.parse(row.request) as TaskCommand, // written above
    createdAt: row.created_at,
    problem: row.problem,
  }));
}

export async function isQueued(db: Kysely<QueueTables>, id: string): Promise<boolean> {
  const row = await db.selectFrom("queued_orders").select("id").where("id", "=", id).executeTakeFirst();
  return row !== undefined;
}

/** False where there is none. */
export async function dropQueued(db: Kysely<QueueTables>, id: string): Promise<boolean> {
  const dropped = await db.deleteFrom("queued_orders").where("id", "=", id).executeTakeFirst();
  return dropped.numDeletedRows > 0n;
}

export async function failQueued(db: Kysely<QueueTables>, id: string, problem: string): Promise<void> {
  await db.updateTable("queued_orders").set({ problem }).where("id", "=", id).execute();
}
