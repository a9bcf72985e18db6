// A step at the provider: written down, done, written down again. What a killed hub finds on its next start is
// therefore either a step that never began, or one that was begun and is simply done again.

import type { Kysely } from "kysely";
import { Secret } from "../../identity/secret.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Sealer } from "../../store/seal.ts";
import {
  beginTunnelStep,
  endTunnelStep,
  forgetTunnelStep,
  type TunnelChanges,
  type TunnelRow,
} from "../../store/tunnel-rows.ts";
import type { World } from "../../world/world.ts";
import type { CloudflareApi } from "./api.ts";

export type StepName =
  | "create_tunnel"
  | "set_secret"
  | "end_connections"
  | "create_record"
  | "delete_old_record"
  | "hand_over"
  | "void_secret"
  | "delete_record"
  | "delete_tunnel";

/** What work on tunnels needs of the hub. */
export interface Workshop {
  db: Kysely<HubDatabase>;
  api: CloudflareApi;
  sealer: Sealer;
  hubId: string;
  world: Pick<World, "clock" | "timers" | "random">;
  log: Log;
}

export interface Step {
  name: StepName;
  /** Calls the provider; resolves with what the row is to say from then on. Must bear being repeated. */
  work(row: TunnelRow): Promise<TunnelChanges>;
}

export async function takeStep(shop: Workshop, row: TunnelRow, step: Step): Promise<TunnelRow> {
  const { db, world } = shop;
  const mark = { holder: row.holder, step: step.name };
  await beginTunnelStep(db, { ...mark, now: world.clock.now() });
  let changes: TunnelChanges;
  try {
    changes = await step.work(row);
  } catch (error) {
    if (isRefusal(error)) await forgetTunnelStep(db, mark);
    throw error;
  }
  await endTunnelStep(db, { ...mark, now: world.clock.now() }, changes);
  return { ...row, ...changes };
}

/** The provider said no, or was not asked: then nothing of the call is still under way. */
export function isRefusal(error: unknown): boolean {
  return error instanceof MusterError && error.code !== "provider_unreachable";
}

const RETRY_FIRST_MS = 5_000;
const RETRY_MAX_MS = 10 * 60_000;

/** Before the next try of what failed so often in a row. */
export function retryPauseMs(tries: number): number {
  return Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(tries - 1, 20));
}

const SECRET_BYTES = 32;

export function newSecret(shop: Workshop): Secret<Uint8Array> {
  return new Secret(shop.world.random.bytes(SECRET_BYTES));
}

export function sealSecret(shop: Workshop, holder: string, secret: Secret<Uint8Array>): Uint8Array {
  return shop.sealer.seal(["tunnels", "secret", holder], secret.reveal());
}

/** Undefined once it was handed over. */
export function openSecret(
  shop: Workshop,
  { holder, secret }: Pick<TunnelRow, "holder" | "secret">,
): Secret<Uint8Array> | undefined {
  return secret === null ? undefined : new Secret(shop.sealer.open(["tunnels", "secret", holder], secret));
}

/** The secret that a step is about to set: recorded first, so that a repeated step sets the same. */
export function recordedSecret(shop: Workshop, row: TunnelRow): Secret<Uint8Array> {
  const secret = openSecret(shop, row);
  if (secret === undefined) throw new Error(`the tunnel of ${row.holder} has no secret to set`);
  return secret;
}
