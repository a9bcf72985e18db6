// Which devices could serve a capability request, the best first: the one that is asked for, then those with the
// fewest requests running, then the nearest. One that just failed comes last for a while.
import { toBase64Url } from "../../protocol/bytes.ts";
import type { CapabilityAsked, CapabilityOffer } from "../../protocol/capabilities.ts";
import { serves } from "../../protocol/capabilities.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { DeviceBook } from "../device-book.ts";
import type { Offered } from "../devices/offers.ts";
import type { Session } from "../sessions/session.ts";

export interface CandidateParts {
  devices: Pick<DeviceBook, "ofOwners" | "commandedBy">;
  offers: { of(deviceId: string): Pick<Offered, "capabilities"> };
  directory: { device(deviceId: string): Session | undefined };
  /** Requests that run there now. */
  running(deviceId: string): number;
  isCoolingDown(deviceId: string): boolean;
}

export interface Asked {
  ownerRoot: string;
  /** Other owners who let the asker use this, and on which of their devices (keys, base64url; null is all). */
  granted: readonly { root: string; devices: readonly string[] | null }[];
  capability: CapabilityAsked;
  model?: string | undefined;
  /** A name or an id. */
  preferDevice?: string | undefined;
}

export interface Candidate {
  id: string;
  name: string;
  session: Session;
}

/** Never empty: throws `no_device` with who has it but is away, or `forbidden` for what is not asked this way. */
export function findCandidates(parts: CandidateParts, asked: Asked): Candidate[] {
  const offering = rowsFor(parts, asked).flatMap((row) => {
    if (row.revoked_at !== null || row.confirmed === 0) return [];
    const offer = parts.offers.of(row.device_id).capabilities.find((one) => serves(one, asked.capability));
    return offer === undefined ? [] : [{ row, offer }];
  });
  const able = offering.filter(({ offer }) => offer.class === "compute");
  if (able.length === 0) throw nobody(asked, offering);
  const serving = able.filter(({ offer }) => hasModel(offer, asked.model)).map(({ row }) => row);
  if (serving.length === 0) throw noModel(asked, able);
  const here = serving.flatMap((row) => {
    const session = parts.directory.device(row.device_id);
    return session === undefined || session.leaving ? [] : [{ id: row.device_id, name: row.name, session }];
  });
  if (here.length === 0) throw allAway(asked, serving);
  return here.toSorted(
    (one, other) =>
      rank(parts.isCoolingDown(one.id), parts.isCoolingDown(other.id)) ||
      rank(!isPreferred(one, asked), !isPreferred(other, asked)) ||
      parts.running(one.id) - parts.running(other.id) ||
      latency(one) - latency(other),
  );
}

/** The asker's own devices, those shared with it, and those of others that it was let use. */
function rowsFor({ devices }: CandidateParts, { ownerRoot, granted }: Asked): DeviceRow[] {
  const others = granted.flatMap(({ root, devices: keys }) =>
    devices.ofOwners([root]).filter((row) => keys === null || keys.includes(toBase64Url(row.public_key))),
  );
  return [...devices.commandedBy([ownerRoot]), ...others];
}

function hasModel({ models }: CapabilityOffer, model: string | undefined): boolean {
  return model === undefined || (models?.includes(model) ?? false);
}

function noModel(
  { capability, model = "" }: Asked,
  able: readonly { offer: CapabilityOffer }[],
): MusterError {
  const models = [...new Set(able.flatMap(({ offer }) => offer.models ?? []))].toSorted();
  return new MusterError("no_device", `no device offers ${capability.protocol} with the model "${model}"`, {
    hint:
      models.length === 0 ? "none says which models it has" : `there are ${models.slice(0, 20).join(", ")}`,
  });
}

function isPreferred({ id, name }: Candidate, { preferDevice }: Asked): boolean {
  return preferDevice !== undefined && (name === preferDevice || id === preferDevice);
}

/** False before true. */
function rank(one: boolean, other: boolean): number {
  return Number(one) - Number(other);
}

function latency({ session }: Candidate): number {
  return session.trunk.roundTripMs ?? Number.MAX_SAFE_INTEGER;
}

function nobody(asked: Asked, offering: readonly { offer: CapabilityOffer }[]): MusterError {
  const { protocol, version } = asked.capability;
  const [first] = offering;
  if (first === undefined) {
    return new MusterError("no_device", `no device offers ${protocol} ${version}`, {
      hint: "`muster device show NAME` lists what a device offers",
    });
  }
  return first.offer.class === "read"
    ? new MusterError("forbidden", `${protocol} shows what a device holds: it is asked by a signed query`, {
        hint: "use `muster query`",
      })
    : new MusterError(
        "forbidden",
        `${protocol} can change a device: it takes a controller's signed command`,
        {
          hint: "name the device: `muster call --device NAME`",
        },
      );
}

function allAway({ capability }: Asked, rows: readonly DeviceRow[]): MusterError {
  const away = rows.map(({ name, last_seen: at }) =>
    at === null ? `${name} (never seen)` : `${name} (since ${new Date(at).toISOString()})`,
  );
  return new MusterError("no_device", `every device that offers ${capability.protocol} is offline`, {
    hint: `offline: ${away.slice(0, 20).join(", ")}`,
  });
}
