// Which signed commands this device has taken, and how each ended. The row is there before anything is
// started, so that the same command in a later session, or after a crash, starts nothing a second time.
import type { Kysely } from "kysely";
import { equalBytes } from "../protocol/bytes.ts";
import type { StateDatabase } from "./state-migrations.ts";

export const COMMANDS_KEPT_MS = 30 * 86_400_000;

export interface CommandName {
  signer: string;
  commandId: string;
  /** SHA-256 of kind and request. */
  digest: Uint8Array;
}

export type Acceptance =
  | { state: "new" }
  /** The JSON of the first outcome; null when the agent ended before there was one. */
  | { state: "known"; outcome: string | null }
  /** The id stands for another order. */
  | { state: "reused" };

/** Decides, in one statement, whether this command is new. Resolves once that is durable. */
export async function acceptCommand(
  db: Kysely<StateDatabase>,
  { signer, commandId, digest }: CommandName,
  nowMs: number,
): Promise<Acceptance> {
  const inserted = await db
    .insertInto("commands")
    .values({ signer, command_id: commandId, digest, accepted_at: nowMs, outcome: null })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 1n) return { state: "new" };
  const row = await db
    .selectFrom("commands")
    .select(["digest", "outcome"])
    .where("signer", "=", signer)
    .where("command_id", "=", commandId)
    .executeTakeFirstOrThrow();
  return equalBytes(row.digest, digest) ? { state: "known", outcome: row.outcome } : { state: "reused" };
}

export async function keepOutcome(
  db: Kysely<StateDatabase>,
  { signer, commandId }: CommandName,
  outcome: string,
): Promise<void> {
  await db
    .updateTable("commands")
    .set({ outcome })
    .where("signer", "=", signer)
    .where("command_id", "=", commandId)
    .execute();
}

/**
 * Drops what is older than 30 days. What a signer who may still command has sent stays longer: without its row
 * an old command of theirs would count as new.
 */
export async function dropOldCommands(
  db: Kysely<StateDatabase>,
  nowMs: number,
  mayCommand: (signer: string) => boolean,
): Promise<void> {
  const before = nowMs - COMMANDS_KEPT_MS;
  const signers = await db
    .selectFrom("commands")
    .select("signer")
    .distinct()
    .where("accepted_at", "<", before)
    .execute();
  for (const { signer } of signers) {
    if (mayCommand(signer)) continue;
    await db.deleteFrom("commands").where("signer", "=", signer).where("accepted_at", "<", before).execute();
  }
}
