// What a hub has at a tunnel provider, and the journal of what it is about to do there. The rule: a row says
// what may exist before the provider is asked to make it, and goes only once the provider was seen without it.

import type { Kysely, Selectable } from "kysely";
import type { HubDatabase, TunnelStepsTable, TunnelsTable } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";

export type TunnelRow = Selectable<TunnelsTable>;
export type TunnelStepRow = Selectable<TunnelStepsTable>;
/** Everything but who holds it and under which name: these never change. */
export type TunnelChanges = Partial<Omit<TunnelRow, "holder" | "name">>;

export type NewTunnel = Pick<TunnelRow, "holder" | "name" | "hostname" | "secret"> &
  Partial<Pick<TunnelRow, "tunnel_id" | "state">>;

/** False when the holder has one already, or the name or host name is another's. */
export async function addTunnel(db: Kysely<HubDatabase>, tunnel: NewTunnel, now: number): Promise<boolean> {
  const result = await db
    .insertInto("tunnels")
    .values({
      state: "creating",
      tunnel_id: null,
      ...tunnel,
      old_hostname: null,
      record_id: null,
      adopted: 0,
      created_at: now,
      checked_at: null,
      tries: 0,
      next_try_at: now,
      reason: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export function findTunnel(db: Kysely<HubDatabase>, holder: string): Promise<TunnelRow | undefined> {
  return db.selectFrom("tunnels").selectAll().where("holder", "=", holder).executeTakeFirst();
}

export function findTunnelByHostname(
  db: Kysely<HubDatabase>,
  hostname: string,
): Promise<TunnelRow | undefined> {
  return db.selectFrom("tunnels").selectAll().where("hostname", "=", hostname).executeTakeFirst();
}

export function listTunnels(db: Kysely<HubDatabase>): Promise<TunnelRow[]> {
  return db.selectFrom("tunnels").selectAll().orderBy("holder").execute();
}

/** Holders whose making or removal was begun and is due for another try, longest due first. */
export async function listUnfinishedTunnels(
  db: Kysely<HubDatabase>,
  { now, limit }: { now: number; limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom("tunnels")
    .select("holder")
    .where("state", "in", ["creating", "revoking"])
    .where("next_try_at", "<=", now)
    .orderBy("next_try_at")
    .limit(limit)
    .execute();
  return rows.map(({ holder }) => holder);
}

/** False when there is no such row. */
export async function changeTunnel(
  db: Kysely<HubDatabase>,
  holder: string,
  changes: TunnelChanges,
): Promise<boolean> {
  const result = await db.updateTable("tunnels").set(changes).where("holder", "=", holder).executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Opens other work on it: the ended steps of the work before are forgotten. One that was begun and never ended
 * stays, for the provider may still carry it out.
 */
export function turnTunnel(
  db: Kysely<HubDatabase>,
  holder: string,
  changes: TunnelChanges,
): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    await transaction
      .deleteFrom("tunnel_steps")
      .where("holder", "=", holder)
      .where("done_at", "is not", null)
      .execute();
    return changeTunnel(transaction, holder, changes);
  });
}

/** The work is done, and with it its journal. */
export function settleTunnel(
  db: Kysely<HubDatabase>,
  holder: string,
  changes: TunnelChanges,
): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    await transaction.deleteFrom("tunnel_steps").where("holder", "=", holder).execute();
    return changeTunnel(transaction, holder, changes);
  });
}

/** The device of a set-up is known now: what was made for the set-up is the device's. */
export function giveTunnel(
  db: Kysely<HubDatabase>,
  { from, to, secret }: { from: string; to: string; secret: Uint8Array | null },
): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    const row = await findTunnel(transaction, from);
    if (row === undefined || (await findTunnel(transaction, to)) !== undefined) return false;
    const steps = await listTunnelSteps(transaction, from);
    await transaction.deleteFrom("tunnels").where("holder", "=", from).execute();
    await transaction
      .insertInto("tunnels")
      .values({ ...row, holder: to, secret })
      .execute();
    for (const step of steps) {
      await transaction
        .insertInto("tunnel_steps")
        .values({ ...step, holder: to })
        .execute();
    }
    return true;
  });
}

/** Its journal goes with it. */
export async function removeTunnel(db: Kysely<HubDatabase>, holder: string): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    await transaction.deleteFrom("tunnel_steps").where("holder", "=", holder).execute();
    const result = await transaction.deleteFrom("tunnels").where("holder", "=", holder).executeTakeFirst();
    return result.numDeletedRows === 1n;
  });
}

export interface StepMark {
  holder: string;
  step: string;
  now: number;
}

/** Before the provider is called. A step that was begun before is begun again. */
export async function beginTunnelStep(
  db: Kysely<HubDatabase>,
  { holder, step, now }: StepMark,
): Promise<void> {
  const facts = { begun_at: now, done_at: null };
  await db
    .insertInto("tunnel_steps")
    .values({ holder, step, ...facts })
    .onConflict((conflict) => conflict.columns(["holder", "step"]).doUpdateSet(facts))
    .execute();
}

/** After the provider has answered: the step's end and what was learnt, in one commit. */
export function endTunnelStep(
  db: Kysely<HubDatabase>,
  { holder, step, now }: StepMark,
  changes: TunnelChanges,
): Promise<void> {
  return inTransaction(db, async (transaction) => {
    await transaction
      .updateTable("tunnel_steps")
      .set({ done_at: now })
      .where("holder", "=", holder)
      .where("step", "=", step)
      .execute();
    if (Object.keys(changes).length > 0) await changeTunnel(transaction, holder, changes);
  });
}

/** A step that the provider refused: nothing of it is open. */
export async function forgetTunnelStep(
  db: Kysely<HubDatabase>,
  { holder, step }: Pick<StepMark, "holder" | "step">,
): Promise<void> {
  await db.deleteFrom("tunnel_steps").where("holder", "=", holder).where("step", "=", step).execute();
}

export function listTunnelSteps(db: Kysely<HubDatabase>, holder: string): Promise<TunnelStepRow[]> {
  return db
    .selectFrom("tunnel_steps")
    .selectAll()
    .where("holder", "=", holder)
    .orderBy("begun_at")
    .orderBy("step")
    .execute();
}
