// Removing a tunnel, in the order that leaves nobody with a way in: the secret first, then those who are
// connected, the name, the tunnel itself. It is gone when the provider's own lists show nothing of it.

import { MusterError } from "../../protocol/errors.ts";
import {
  changeTunnel,
  listTunnelSteps,
  removeTunnel,
  turnTunnel,
  type TunnelRow,
} from "../../store/tunnel-rows.ts";
import { newSecret, takeStep, type Step, type Workshop } from "./journal.ts";
import { hostnamesOf, ourRecords, removeRecords } from "./records.ts";

/** How often a tunnel that is still connected is asked for in one go; later tries are the next run's. */
const DELETE_TRIES = 4;
const DELETE_PAUSE_MS = 500;
/** A call whose answer was lost may still be carried out; longer than any call can hang. */
export const SETTLE_MS = 60_000;

/** Throws what stood in the way; the row stays "revoking" then, and another run goes on from there. */
export async function finishRemoving(shop: Workshop, begun: TunnelRow): Promise<void> {
  let row = await withTunnelId(shop, begun);
  const steps = await listTunnelSteps(shop.db, row.holder);
  const done = new Set(steps.filter((step) => step.done_at !== null).map(({ step }) => step));
  const tunnelId = row.tunnel_id;
  for (const step of [
    ...(tunnelId === null ? [] : endingSteps(shop, tunnelId)),
    ...recordSteps(shop, tunnelId),
  ]) {
    if (!done.has(step.name)) row = await takeStep(shop, row, step);
  }
  await verifyGone(shop, row);
  const open = steps.find((step) => step.done_at === null && step.step.startsWith("create_"));
  const openForMs = open === undefined ? SETTLE_MS : shop.world.clock.now() - open.begun_at;
  if (openForMs < SETTLE_MS) {
    throw new MusterError("provider_unreachable", `an earlier call for ${row.name} may still come to pass`, {
      hint: "it is looked at again by itself",
    });
  }
  await removeTunnel(shop.db, row.holder);
}

/** A tunnel whose making was answered by silence has a name, and perhaps no id here. */
async function withTunnelId(shop: Workshop, row: TunnelRow): Promise<TunnelRow> {
  if (row.tunnel_id !== null) return row;
  const found = (await shop.api.listTunnels({ name: row.name })).find(({ name }) => name === row.name);
  if (found === undefined) return row;
  await changeTunnel(shop.db, row.holder, { tunnel_id: found.id });
  return { ...row, tunnel_id: found.id };
}

function endingSteps({ api, ...shop }: Workshop, tunnelId: string): Step[] {
  return [
    {
      name: "void_secret",
      async work() {
        // Kept nowhere: nobody can connect with it, we neither.
        await api.setSecret(tunnelId, newSecret({ api, ...shop }));
        return { secret: null };
      },
    },
    {
      name: "end_connections",
      async work() {
        await api.endConnections(tunnelId);
        return {};
      },
    },
  ];
}

function recordSteps(shop: Workshop, tunnelId: string | null): Step[] {
  const records: Step = {
    name: "delete_record",
    async work(row) {
      await removeRecords(shop, await hostnamesOf(shop, row));
      return { record_id: null };
    },
  };
  if (tunnelId === null) return [records];
  return [
    records,
    {
      name: "delete_tunnel",
      async work({ name }) {
        await deleteTunnel(shop, { tunnelId, name });
        return {};
      },
    },
  ];
}

async function deleteTunnel(
  { api, world }: Workshop,
  { tunnelId, name }: { tunnelId: string; name: string },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    if ((await api.deleteTunnel(tunnelId)) !== "connected") return;
    if (attempt === DELETE_TRIES) break;
    await api.endConnections(tunnelId);
    const pauseMs = DELETE_PAUSE_MS * 2 ** (attempt - 1);
    await new Promise<void>((resolve) => world.timers.after(pauseMs, resolve));
  }
  throw new MusterError("provider_refused", `the tunnel ${name} still has connections at Cloudflare`, {
    hint: "its secret is void already; the removal goes on by itself",
  });
}

async function verifyGone(shop: Workshop, row: TunnelRow): Promise<void> {
  const { api, db } = shop;
  const byName = (await api.listTunnels({ name: row.name })).some(({ name }) => name === row.name);
  const id = row.tunnel_id;
  const byId = id !== null && (await api.listTunnels({ id })).some((one) => one.id === id);
  let records = 0;
  for (const hostname of await hostnamesOf(shop, row)) records += (await ourRecords(shop, hostname)).length;
  if (!byName && !byId && records === 0) return;
  // Begin anew: what was done did not last. A tunnel of that name may be another one by now.
  await turnTunnel(db, row.holder, { tunnel_id: byId ? id : null });
  throw new MusterError("provider_unreachable", `Cloudflare still shows ${row.name} or its DNS record`, {
    hint: "the removal goes on by itself",
  });
}
