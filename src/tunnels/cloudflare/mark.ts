// How what is ours is told from what is somebody else's, in an account that people use too. A tunnel has only its
// name for a mark, which anybody may choose; a DNS record has a comment that carries the hub's whole id.

import { MusterError } from "../../protocol/errors.ts";
import { type DnsRecord, tunnelTarget } from "./api.ts";

const SHORT = 8;

/** `muster-<8 of the hub's id>-`. */
export function namePrefix(hubId: string): string {
  return `muster-${short(hubId)}-`;
}

/** The tunnel's name: the hub's prefix and 8 characters of the device's (or set-up's) id. */
export function tunnelName(hubId: string, holder: string): string {
  return `${namePrefix(hubId)}${short(holder)}`;
}

export function isTunnelName(hubId: string, name: string): boolean {
  const prefix = namePrefix(hubId);
  return name.startsWith(prefix) && /^[a-z0-9]{8}$/.test(name.slice(prefix.length));
}

export function recordComment(hubId: string): string {
  return `muster ${hubId}`;
}

/** Ours by its comment, whole and exact, and of the only kind that we make. */
export function isOurRecord(hubId: string, record: DnsRecord): boolean {
  return record.type === "CNAME" && record.comment === recordComment(hubId) && targetOf(record) !== undefined;
}

/** The tunnel that a record leads to. */
export function targetOf({ content }: DnsRecord): string | undefined {
  const id = /^([a-z0-9-]{1,64})\.cfargotunnel\.com$/.exec(content.toLowerCase())?.[1];
  return id;
}

export function leadsTo(record: DnsRecord, tunnelId: string): boolean {
  return record.content.toLowerCase() === tunnelTarget(tunnelId).toLowerCase();
}

/** Ids are groups with hyphens; the mark takes their first letters and digits. */
function short(id: string): string {
  const letters = id.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  if (letters.length < SHORT) throw new MusterError("invalid", `the id "${id.slice(0, 64)}" is too short`);
  return letters.slice(0, SHORT);
}
