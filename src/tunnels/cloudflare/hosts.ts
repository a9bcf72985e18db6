// Host names of shares that lead to their devices' tunnels: one DNS record each, beside the tunnel's own. Which are
// wanted is told anew each time, so a hub that was killed anywhere comes to the same end by being told again. A name
// whose record a tunnel's own making or removal is at work on waits for that.

import { MusterError, publicError } from "../../protocol/errors.ts";
import {
  beginNamedHost,
  changeNamedHost,
  findNamedHost,
  listNamedHosts,
  removeNamedHost,
  type NamedHostRow,
} from "../../store/named-hosts.ts";
import { findTunnel, listTunnels, type TunnelRow } from "../../store/tunnel-rows.ts";
import { Turns } from "../turns.ts";
import { isRefusal, retryPauseMs, type Workshop } from "./journal.ts";
import { makeRecord, ourRecords, removeRecords } from "./records.ts";
import { SETTLE_MS } from "./unmake.ts";

export interface WantedHost {
  /** In lower case, under the zone of the tunnel's own host name. */
  hostname: string;
  shareId: string;
  /** The device. */
  holder: string;
}

export interface NamedHosts {
  /** Has it lead to its device's tunnel. Throws `conflict` where it can't, and what the provider refused. */
  place(wanted: WantedHost): Promise<void>;
  /**
   * Makes what is wanted and missing, and removes what is no longer wanted. Resolves with the ids of the shares whose
   * names lead to their tunnels now. Never throws a provider's refusal.
   */
  settle(wanted: readonly WantedHost[]): Promise<ReadonlySet<string>>;
}

/** A record that stands is looked at again after this time: somebody may have deleted it at the provider. */
export const LOOK_AGAIN_MS = 24 * 3_600_000;

export function createNamedHosts(shop: Workshop): NamedHosts {
  const { db, log } = shop;
  const turns = new Turns();
  const now = () => shop.world.clock.now();

  const noteFailure = async (hostname: string, error: unknown): Promise<void> => {
    const row = await findNamedHost(db, hostname);
    if (row === undefined) return;
    const tries = row.tries + 1;
    const waitMs = Math.max(retryPauseMs(tries), shop.api.waitMs());
    log.warn("the name of a share could not be worked on", { hostname, state: row.state, tries, error });
    const changes = { tries, next_try_at: now() + waitMs, reason: publicError(error).message };
    await changeNamedHost(db, hostname, changes);
  };

  const place = async ({ hostname, shareId, holder }: WantedHost): Promise<void> => {
    const tunnel = await usableTunnel(shop, holder);
    await leftByTunnels(shop, hostname);
    const row = await findNamedHost(db, hostname);
    const facts = { hostname, share_id: shareId, holder, tunnel_id: tunnel.tunnel_id };
    if (row !== undefined && row.share_id === shareId && stands(row, { tunnel, now: now() })) return;
    await beginNamedHost(db, facts, now());
    let made: Pick<TunnelRow, "record_id">;
    try {
      made = await makeRecord(shop, facts);
    } catch (error) {
      if (isRefusal(error)) await changeNamedHost(db, hostname, { begun_at: null });
      await noteFailure(hostname, error);
      throw error;
    }
    const seen = { checked_at: now(), tries: 0, reason: null };
    await changeNamedHost(db, hostname, { state: "ready", begun_at: null, ...made, ...seen });
  };

  const remove = async (hostname: string, shareId: string): Promise<void> => {
    const row = await findNamedHost(db, hostname);
    // Another share has taken it since.
    if (row?.share_id !== shareId) return;
    if (row.state !== "revoking") await changeNamedHost(db, hostname, { state: "revoking", tries: 0 });
    try {
      if (await isOfTunnel(shop, hostname)) return await removeNamedHost(db, hostname);
      await removeRecords(shop, [hostname]);
      if ((await ourRecords(shop, hostname)).length > 0 || isUnderWay(row, now())) {
        throw new MusterError("provider_unreachable", `the DNS record ${hostname} may still stand`, {
          hint: "it is removed by itself",
        });
      }
      await removeNamedHost(db, hostname);
    } catch (error) {
      await noteFailure(hostname, error);
      throw error;
    }
  };

  const settle = async (wanted: readonly WantedHost[]): Promise<ReadonlySet<string>> => {
    const rows = new Map((await listNamedHosts(db)).map((row) => [row.hostname, row]));
    const tunnels = new Map((await listTunnels(db)).map((row) => [row.holder, row]));
    const kept = new Set<string>();
    for (const one of wanted) {
      const tunnel = tunnels.get(one.holder);
      const row = rows.get(one.hostname);
      if (tunnel?.tunnel_id == null || tunnel.state === "revoking") continue;
      kept.add(one.hostname);
      if (row?.share_id === one.shareId && stands(row, { tunnel, now: now() })) continue;
      if (isDue(row, { after: "creating", now: now() })) await attempt(one.hostname, () => place(one));
    }
    for (const [hostname, row] of rows) {
      if (kept.has(hostname) || !isDue(row, { after: "revoking", now: now() })) continue;
      await attempt(hostname, () => remove(hostname, row.share_id));
    }
    const standing = (await listNamedHosts(db)).filter(({ state }) => state === "ready");
    return new Set(standing.map(({ share_id: id }) => id));
  };

  /** In its turn. What goes wrong stands in the row. */
  const attempt = async (hostname: string, work: () => Promise<void>): Promise<void> => {
    if (shop.api.waitMs() > 0) return;
    try {
      await turns.run(hostname, work);
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
    }
  };

  return {
    place: (wanted) => turns.run(wanted.hostname, () => place(wanted)),
    settle,
  };
}

function stands(
  row: NamedHostRow,
  { tunnel, now }: { tunnel: Pick<TunnelRow, "tunnel_id">; now: number },
): boolean {
  const fresh = row.checked_at !== null && now - row.checked_at < LOOK_AGAIN_MS;
  return row.state === "ready" && row.tunnel_id === tunnel.tunnel_id && fresh;
}

async function usableTunnel({ db }: Workshop, holder: string): Promise<TunnelRow & { tunnel_id: string }> {
  const row = await findTunnel(db, holder);
  if (row?.tunnel_id != null && row.state !== "revoking") return { ...row, tunnel_id: row.tunnel_id };
  throw new MusterError("conflict", "this device has no named link", {
    hint: "allow it there with `named = true` under [links] in muster.toml, and start its agent again",
  });
}

async function isOfTunnel({ db }: Workshop, hostname: string): Promise<boolean> {
  const rows = await listTunnels(db);
  return rows.some((row) => row.hostname === hostname || row.old_hostname === hostname);
}

async function leftByTunnels(shop: Workshop, hostname: string): Promise<void> {
  if (!(await isOfTunnel(shop, hostname))) return;
  throw new MusterError("conflict", `the name ${hostname} is still a device's at Cloudflare`, {
    hint: "try again in a minute; it is being given up",
  });
}

/** Only what failed has a pause; work of the other direction begins at once. */
function isDue(
  row: NamedHostRow | undefined,
  { after, now }: { after: NamedHostRow["state"]; now: number },
): boolean {
  return row?.state !== after || row.next_try_at <= now;
}

/** A call whose answer was lost may still be carried out. */
function isUnderWay({ begun_at: begunAt }: NamedHostRow, now: number): boolean {
  return begunAt !== null && now - begunAt < SETTLE_MS;
}
