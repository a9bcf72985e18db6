// Finds what carries this hub's mark at the provider and belongs to no device, and removes what is provably this
// hub's. A DNS record proves itself by its comment, which holds the hub's whole id. A tunnel has only a name, so
// it is ours when one of our records leads to it; one that merely is called like ours is shown, not touched.

import { findNamedHost, listNamedHosts, type NamedHostRow } from "../../store/named-hosts.ts";
import { findTunnelByHostname, listTunnels, addTunnel } from "../../store/tunnel-rows.ts";
import type { TunnelRow } from "../../store/tunnel-rows.ts";
import type { DnsRecord, ProviderTunnel } from "./api.ts";
import type { Workshop } from "./journal.ts";
import { isOurRecord, isTunnelName, leadsTo, namePrefix, recordComment } from "./mark.ts";
import type { NamedLink } from "./named.ts";

export type Leftover =
  | { kind: "tunnel"; tunnel: ProviderTunnel; proof: DnsRecord | undefined }
  | { kind: "record"; record: DnsRecord };

/** Changes nothing. */
export async function listLeftovers(shop: Workshop): Promise<Leftover[]> {
  const { api, db, hubId } = shop;
  // The provider first: what is made while we look has its row before it is there.
  const tunnels = (await api.listTunnels({ namePrefix: namePrefix(hubId) })).filter(({ name }) =>
    isTunnelName(hubId, name),
  );
  const records = (await api.listRecords({ comment: recordComment(hubId) })).filter((record) =>
    isOurRecord(hubId, record),
  );
  const rows = await listTunnels(db);
  const names = new Set(rows.map(({ name }) => name));
  const ids = new Set(rows.map(({ tunnel_id: id }) => id));
  const hostnames = hostnamesOf(rows, await listNamedHosts(db));
  return [
    ...tunnels
      .filter(({ id, name }) => !names.has(name) && !ids.has(id))
      .map((tunnel) => ({
        kind: "tunnel" as const,
        tunnel,
        proof: records.find((record) => leadsTo(record, tunnel.id)),
      })),
    ...records
      .filter(({ name }) => !hostnames.has(name))
      .map((record) => ({ kind: "record" as const, record })),
  ];
}

export interface SweepReport {
  removed: Leftover[];
  /** Not provably ours, or in use by now, or the provider would not: for a person to look at. */
  left: Leftover[];
}

/** Rejects when the provider can't be asked; what was begun by then is in the record and goes on by itself. */
export async function sweep(shop: Workshop, link: Pick<NamedLink, "resume">): Promise<SweepReport> {
  const report: SweepReport = { removed: [], left: [] };
  // Tunnels first: while one stands, the record that proves it ours must not go.
  for (const leftover of await listLeftovers(shop)) {
    const gone = await removeLeftover(shop, { leftover, link });
    (gone ? report.removed : report.left).push(leftover);
  }
  if (report.removed.length + report.left.length > 0) {
    shop.log.info("tunnels swept", { removed: report.removed.length, left: report.left.length });
  }
  return report;
}

function removeLeftover(
  shop: Workshop,
  { leftover, link }: { leftover: Leftover; link: Pick<NamedLink, "resume"> },
): Promise<boolean> {
  if (leftover.kind === "record") return removeRecord(shop, leftover.record);
  const { tunnel, proof } = leftover;
  return proof === undefined ? Promise.resolve(false) : removeTunnel(shop, { tunnel, proof, link });
}

/** Taken into the record as one that is being removed, and then removed as every other. */
async function removeTunnel(
  shop: Workshop,
  { tunnel, proof, link }: { tunnel: ProviderTunnel; proof: DnsRecord; link: Pick<NamedLink, "resume"> },
): Promise<boolean> {
  const { db, world } = shop;
  const held = (await findTunnelByHostname(db, proof.name)) ?? (await findNamedHost(db, proof.name));
  const holder = `swept ${tunnel.name}`;
  // A name that a device has by now stays the device's; the tunnel goes without one.
  const hostname = held === undefined ? proof.name : `${tunnel.name}.invalid`;
  const row = { holder, name: tunnel.name, hostname, secret: null, tunnel_id: tunnel.id };
  if (!(await addTunnel(db, { ...row, state: "revoking" }, world.clock.now()))) return false;
  return (await link.resume(holder)).state === "none";
}

async function removeRecord(shop: Workshop, record: DnsRecord): Promise<boolean> {
  const { db } = shop;
  if (hostnamesOf(await listTunnels(db), await listNamedHosts(db)).has(record.name)) return false;
  await shop.api.deleteRecord(record.id);
  return true;
}

function hostnamesOf(rows: TunnelRow[], shares: NamedHostRow[]): Set<string> {
  return new Set([
    ...rows.flatMap(({ hostname, old_hostname: old }) => (old === null ? [hostname] : [hostname, old])),
    ...shares.map(({ hostname }) => hostname),
  ]);
}
