// Making a tunnel, from whatever is there already to "ready". Runs again from any point where it was broken off:
// what the row knows is not asked for twice, and what it doesn't know is looked for before it is made.

import { MusterError } from "../../protocol/errors.ts";
import { findNamedHost } from "../../store/named-hosts.ts";
import { settleTunnel, type TunnelChanges, type TunnelRow } from "../../store/tunnel-rows.ts";
import { newSecret, recordedSecret, sealSecret, takeStep, type Workshop } from "./journal.ts";
import { makeRecord, ourRecords, recordStands, removeRecords } from "./records.ts";

/** Throws what the step at hand threw; the row then says where to go on. */
export async function finishMaking(shop: Workshop, begun: TunnelRow): Promise<void> {
  let row = begun;
  if (row.tunnel_id === null) {
    row = await takeStep(shop, row, { name: "create_tunnel", work: (at) => makeTunnel(shop, at) });
  }
  if (row.adopted === 1) {
    // Whoever knew the old secret must not stay connected by it.
    row = await takeStep(shop, row, { name: "set_secret", work: (at) => setRecordedSecret(shop, at) });
    row = await takeStep(shop, row, { name: "end_connections", work: (at) => endConnections(shop, at) });
  }
  if (row.record_id === null) {
    row = await takeStep(shop, row, { name: "create_record", work: (at) => makeRecord(shop, at) });
  }
  if (row.old_hostname !== null) {
    row = await takeStep(shop, row, {
      name: "delete_old_record",
      work: ({ old_hostname: old }) => leaveHostname(shop, old),
    });
  }
  await settleTunnel(shop.db, row.holder, {
    state: "ready",
    checked_at: shop.world.clock.now(),
    tries: 0,
    reason: null,
  });
}

/**
 * Seen to be gone before the row forgets the name: nobody would look for the record again. A name that a share has
 * taken over meanwhile has a row of its own, and its record stays.
 */
async function leaveHostname(shop: Workshop, old: string | null): Promise<TunnelChanges> {
  if (old === null || (await findNamedHost(shop.db, old)) !== undefined) return { old_hostname: null };
  await removeRecords(shop, [old]);
  if ((await ourRecords(shop, old)).length > 0) {
    throw new MusterError("provider_unreachable", `Cloudflare still shows the DNS record ${old}`, {
      hint: "it is removed by itself",
    });
  }
  return { old_hostname: null };
}

/**
 * What of a finished tunnel is missing at the provider, as changes that make `finishMaking` do it again.
 * Undefined when all of it is there.
 */
export async function missingParts(shop: Workshop, row: TunnelRow): Promise<TunnelChanges | undefined> {
  const { api } = shop;
  const there = row.tunnel_id === null ? undefined : await api.getTunnel(row.tunnel_id);
  if (there === undefined || there.name !== row.name) {
    return {
      state: "creating",
      tunnel_id: null,
      record_id: null,
      secret: sealSecret(shop, row.holder, newSecret(shop)),
    };
  }
  return (await recordStands(shop, row)) ? undefined : { state: "creating", record_id: null };
}

async function makeTunnel(shop: Workshop, row: TunnelRow): Promise<TunnelChanges> {
  const { api } = shop;
  const made = await api.createTunnel({ name: row.name, secret: recordedSecret(shop, row) });
  if (made !== "name_taken") return { tunnel_id: made.id };
  const taken = (await api.listTunnels({ name: row.name })).find(({ name }) => name === row.name);
  if (taken === undefined) {
    throw new MusterError(
      "provider_unreachable",
      `Cloudflare has a tunnel ${row.name} and does not show it`,
      {
        hint: "it is tried again by itself",
      },
    );
  }
  shop.log.info("tunnel adopted", { tunnel: row.name, holder: row.holder });
  const secret = sealSecret(shop, row.holder, newSecret(shop));
  return { tunnel_id: taken.id, adopted: 1, secret };
}

export async function setRecordedSecret(shop: Workshop, row: TunnelRow): Promise<TunnelChanges> {
  const tunnelId = idOf(row);
  const secret = recordedSecret(shop, row);
  const outcome = await shop.api.setSecret(tunnelId, secret);
  const inForce = outcome === "gone" ? "gone" : await shop.api.getSecret(tunnelId);
  if (inForce === "gone") throw vanished(row);
  // Cloudflare said that it is set. What a token holds is its own affair, so a difference is only told.
  if (!Buffer.from(inForce.reveal()).equals(secret.reveal())) {
    shop.log.warn("the tunnel's token does not show its new secret", { tunnel: row.name });
  }
  return {};
}

export async function endConnections(shop: Workshop, row: TunnelRow): Promise<TunnelChanges> {
  if ((await shop.api.endConnections(idOf(row))) === "gone") throw vanished(row);
  return { adopted: 0 };
}

function idOf(row: TunnelRow): string {
  if (row.tunnel_id === null) throw new Error(`the tunnel of ${row.holder} has no id yet`);
  return row.tunnel_id;
}

/** Deleted at the provider by somebody else. A repair makes another. */
function vanished(row: TunnelRow): MusterError {
  return new MusterError("not_found", `the tunnel ${row.name} is no longer at Cloudflare`, {
    hint: "it is made again by itself",
  });
}
