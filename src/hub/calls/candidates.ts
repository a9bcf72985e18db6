// Which devices could serve a capability request, the best first: the one that is asked for, then those with the
// fewest requests running, then the nearest. One that just failed comes last for a while. Where one alone will do,
// it is that one or nobody.
import { toBase64Url } from "../../protocol/bytes.ts";
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import type { Asked } from "./asked.ts";
import { serves } from "../../protocol/capabilities.ts";
import { isModel } from "../../protocol/model-names.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { DeviceBook } from "../device-book.ts";
import type { Offered } from "../devices/offers.ts";
import type { Session } from "../sessions/session.ts";
import { namedDevice } from "./named-device.ts";
import { allAway, askedOtherwise, noModel, noSuchDevice, notOffered, type Offering } from "./no-candidate.ts";

export interface CandidateParts {
  devices: Pick<DeviceBook, "ofOwners" | "commandedBy">;
  offers: { of(deviceId: string): Pick<Offered, "capabilities"> };
  directory: { device(deviceId: string): Session | undefined };
  /** Requests that run there now. */
  running(deviceId: string): number;
  isCoolingDown(deviceId: string): boolean;
}

export interface Candidate {
  id: string;
  name: string;
  session: Session;
}

/** Never empty: throws `no_device` with the reason, or `forbidden` for what is not asked this way. */
export function findCandidates(parts: CandidateParts, asked: Asked): Candidate[] {
  const { own, others } = rowsFor(parts, asked);
  const { onlyDevice, preferDevice } = asked;
  const only = onlyDevice === undefined ? undefined : namedDevice([...own, ...others], onlyDevice);
  if (onlyDevice !== undefined && only === undefined) throw noSuchDevice(onlyDevice);
  // What a device offers besides, to others, is told to its own people alone.
  const isAsked = ({ offer }: Offering): boolean => offer.protocol === asked.capability.protocol;
  const all = [
    ...offeringsOf(parts, own).filter((one) => !asked.isProgram || isAsked(one)),
    ...offeringsOf(parts, others).filter(isAsked),
  ];
  const offering = all.filter(({ offer }) => serves(offer, asked.capability));
  const meant = only === undefined ? offering : offering.filter(({ row }) => row === only);
  const [first] = meant;
  if (first === undefined) {
    throw notOffered(asked, only, { all, isHere: (row) => candidatesOf(parts, [row]).length > 0 });
  }
  const able = meant.filter(({ offer }) => offer.class === "compute");
  if (able.length === 0) throw askedOtherwise(asked, first);
  const serving = able.filter(({ offer }) => hasModel(offer, asked.model)).map(({ row }) => row);
  if (serving.length === 0) throw noModel(asked, only, able);
  const here = candidatesOf(parts, serving);
  if (here.length === 0) {
    const instead = offering.filter(({ offer }) => offer.class === "compute" && hasModel(offer, asked.model));
    const names = candidatesOf(
      parts,
      instead.map(({ row }) => row),
    ).map(({ name }) => name);
    throw allAway(asked, only, { rows: serving, instead: names });
  }
  const preferred =
    preferDevice === undefined ? undefined : namedDevice([...own, ...others], preferDevice)?.device_id;
  return here.toSorted(
    (one, other) =>
      rank(parts.isCoolingDown(one.id), parts.isCoolingDown(other.id)) ||
      rank(one.id !== preferred, other.id !== preferred) ||
      parts.running(one.id) - parts.running(other.id) ||
      latency(one) - latency(other),
  );
}

/** The asker's own devices with those shared with it, and those of others that it was let use. */
function rowsFor(
  { devices }: CandidateParts,
  { ownerRoot, granted, isUnsigned }: Asked,
): { own: DeviceRow[]; others: DeviceRow[] } {
  const isLet = (row: DeviceRow): boolean => row.revoked_at === null && row.confirmed === 1;
  const own = (isUnsigned ? devices.ofOwners([ownerRoot]) : devices.commandedBy([ownerRoot])).filter(isLet);
  const others = granted.flatMap(({ root, devices: keys }) =>
    devices.ofOwners([root]).filter((row) => keys === null || keys.includes(toBase64Url(row.public_key))),
  );
  // A program's key is let by the log of its own owner, whose devices are the asker's own; and grants may name one twice.
  const rows = new Map([...others.filter(isLet), ...own].map((row) => [row.device_id, row]));
  for (const { device_id: id } of own) rows.delete(id);
  return { own, others: [...rows.values()] };
}

function offeringsOf({ offers }: CandidateParts, rows: readonly DeviceRow[]): Offering[] {
  return rows.flatMap((row) => offers.of(row.device_id).capabilities.map((offer) => ({ row, offer })));
}

function candidatesOf({ directory }: CandidateParts, rows: readonly DeviceRow[]): Candidate[] {
  return rows.flatMap((row) => {
    const session = directory.device(row.device_id);
    return session === undefined || session.leaving ? [] : [{ id: row.device_id, name: row.name, session }];
  });
}

function hasModel({ models }: CapabilityOffer, model: string | undefined): boolean {
  return model === undefined || (models?.some((offered) => isModel(offered, model)) ?? false);
}

/** False before true. */
function rank(one: boolean, other: boolean): number {
  return Number(one) - Number(other);
}

function latency({ session }: Candidate): number {
  return session.trunk.roundTripMs ?? Number.MAX_SAFE_INTEGER;
}
