// The DNS records at a host name. Ours are told by their comment; whatever else stands there is left alone, and
// where it is in the way it is named to the person whose it is.

import { MusterError } from "../../protocol/errors.ts";
import { listNamedHosts } from "../../store/named-hosts.ts";
import type { TunnelRow } from "../../store/tunnel-rows.ts";
import type { DnsRecord } from "./api.ts";
import type { Workshop } from "./journal.ts";
import { isOurRecord, leadsTo, recordComment } from "./mark.ts";

/** Types that cannot share a name with a CNAME. */
const BLOCKING = new Set(["A", "AAAA", "CNAME", "NS"]);

/** Throws `conflict` when somebody else's record has the name. */
export async function checkNameIsFree(shop: Workshop, hostname: string): Promise<void> {
  await recordsAt(shop, hostname);
}

/** Makes the record, or adopts ours that is there; one of ours that leads elsewhere is replaced. */
export async function makeRecord(
  shop: Workshop,
  row: Pick<TunnelRow, "hostname" | "tunnel_id">,
): Promise<Pick<TunnelRow, "record_id">> {
  const { hostname, tunnel_id: tunnelId } = row;
  if (tunnelId === null) throw new Error(`a record for ${hostname} before its tunnel`);
  const there = await adoptable(shop, { hostname, tunnelId });
  if (there !== undefined) return { record_id: there.id };
  const comment = recordComment(shop.hubId);
  const made = await shop.api.createRecord({ name: hostname, tunnelId, comment });
  if (made !== "in_the_way") {
    if (made.name === hostname) return { record_id: made.id };
    // Cloudflare puts a name that is not in the zone below it, where nobody looks for it.
    await shop.api.deleteRecord(made.id);
    throw new MusterError("conflict", `${hostname} is not in the zone of CLOUDFLARE_ZONE_ID`, {
      hint: "give the hub the zone that its domain is in",
    });
  }
  // Somebody was quicker; it may have been a call of ours whose answer was lost.
  const late = await adoptable(shop, { hostname, tunnelId });
  if (late !== undefined) return { record_id: late.id };
  throw new MusterError(
    "provider_unreachable",
    `Cloudflare sees a DNS record at ${hostname} and does not show it`,
    {
      hint: "it is tried again by itself",
    },
  );
}

/** Whether the name leads to this tunnel, and nowhere else. Throws `conflict` as above. */
export async function recordStands(shop: Workshop, row: TunnelRow): Promise<boolean> {
  const ours = await recordsAt(shop, row.hostname);
  const { tunnel_id: tunnelId, record_id: recordId } = row;
  return (
    tunnelId !== null &&
    ours.every((one) => one.id === recordId && leadsTo(one, tunnelId)) &&
    ours.length === 1
  );
}

/** Removes every record of ours at these names; others stay. */
export async function removeRecords(shop: Workshop, hostnames: readonly string[]): Promise<void> {
  for (const hostname of hostnames) {
    for (const record of await ourRecords(shop, hostname)) await shop.api.deleteRecord(record.id);
  }
}

/**
 * Every name whose record is this tunnel's: its own, its former one, and those of its device's shares. A name that
 * another device's share has by now is that share's.
 */
export async function hostnamesOf(
  { db }: Pick<Workshop, "db">,
  { holder, hostname, old_hostname: old }: Pick<TunnelRow, "holder" | "hostname" | "old_hostname">,
): Promise<string[]> {
  const rows = await listNamedHosts(db);
  const others = new Set(rows.filter((row) => row.holder !== holder).map((row) => row.hostname));
  const shares = rows.filter((row) => row.holder === holder).map((row) => row.hostname);
  const own = [hostname, ...(old === null ? [] : [old])].filter((name) => !others.has(name));
  return [...new Set([...own, ...shares])];
}

export async function ourRecords(shop: Workshop, hostname: string): Promise<DnsRecord[]> {
  const records = await shop.api.listRecords({ name: hostname });
  return records.filter((record) => record.name === hostname && isOurRecord(shop.hubId, record));
}

async function adoptable(
  shop: Workshop,
  { hostname, tunnelId }: { hostname: string; tunnelId: string },
): Promise<DnsRecord | undefined> {
  const ours = await recordsAt(shop, hostname);
  // No other row has this host name (it is unique), so one that leads elsewhere is a remainder.
  for (const record of ours) if (!leadsTo(record, tunnelId)) await shop.api.deleteRecord(record.id);
  return ours.find((record) => leadsTo(record, tunnelId));
}

async function recordsAt(shop: Workshop, hostname: string): Promise<DnsRecord[]> {
  const records = (await shop.api.listRecords({ name: hostname })).filter(({ name }) => name === hostname);
  const foreign = records.find((record) => BLOCKING.has(record.type) && !isOurRecord(shop.hubId, record));
  if (foreign !== undefined) throw inTheWay(foreign);
  return records.filter((record) => isOurRecord(shop.hubId, record));
}

function inTheWay({ type, name, content }: DnsRecord): MusterError {
  const value = JSON.stringify(content.slice(0, 128));
  return new MusterError(
    "conflict",
    `the DNS record ${type} ${name} → ${value} is in the way and is not Muster's`,
    {
      hint: "remove that record yourself if it is not needed, or choose another name; nothing was changed",
    },
  );
}
