// The hub's door to services. As to shares with access "login", but for who lets in: the hub only checks that a person
// may see the device and that their browser's key may command, and the key itself signs the ticket, in the page.
import { toBase64Url, fromBase64Url } from "../../protocol/bytes.ts";
import { ticketShare } from "../../identity/service-access.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ResourceOf } from "../../protocol/actors.ts";
import { readServiceLabel } from "../../protocol/service-address.ts";
import { type DeviceRow, findDevice } from "../../store/devices.ts";
import { findLabel } from "../../store/labels.ts";
import { coOwnersOf, commandsDevice } from "../co-owners.ts";
import type { ApiParts } from "./ports.ts";

export interface ServiceDoor extends ResourceOf<"share"> {
  service: string;
  device: DeviceRow;
  /** As the visitor's browser names it. */
  host: string;
  origin: string;
  /** What a ticket for it says. */
  share: string;
}

/** Undefined for a host that is no service's of a device that is here. Whether the device has it is asked later. */
export async function findServiceDoor(
  { db, addresses, ownerLogs }: Pick<ApiParts, "db" | "addresses" | "ownerLogs">,
  to: string,
): Promise<ServiceDoor | undefined> {
  const label = addresses.labelOf(to.toLowerCase());
  const place = label === undefined ? undefined : readServiceLabel(label);
  const held = place === undefined ? undefined : await findLabel(db, place.device);
  if (label === undefined || place === undefined || held?.share_id !== null || held.device_id === null) {
    return undefined;
  }
  const device = await findDevice(db, held.device_id);
  if (device === undefined || device.revoked_at !== null || device.kind === "browser") return undefined;
  const origin = addresses.originOf(label);
  return {
    kind: "share",
    deviceKey: toBase64Url(device.public_key),
    ownerRoots: [device.owner_root, ...coOwnersOf(ownerLogs, device)],
    service: place.service,
    device,
    host: new URL(origin).host,
    origin,
    share: ticketShare({ deviceId: device.device_id, service: place.service }),
  };
}

/** For somebody who may look at the device. Throws what a browser could not open anyway. */
export function demandHttp({ fleet }: Pick<ApiParts, "fleet">, { service, device }: ServiceDoor): void {
  const view = fleet.viewOf([device.owner_root]).devices.find(({ id }) => id === device.device_id);
  const offered = view?.services?.find(({ name }) => name === service);
  if (offered === undefined) {
    throw new MusterError("not_found", `${device.name} has no service "${service}"`, {
      hint: `muster device show ${device.name} lists them`,
    });
  }
  if (offered.service_type === "http") return;
  throw new MusterError("bad_request", `"${service}" of ${device.name} does not speak HTTP`, {
    hint: `bring it to your machine: muster forward ${device.name}/${service}`,
  });
}

/** Throws `forbidden`: the ticket would be refused by the device, in words that say less. */
export function demandController(
  { ownerLogs, clock }: Pick<ApiParts, "ownerLogs" | "clock">,
  { device }: ServiceDoor,
  publicKey: string | undefined,
): void {
  const key = fromBase64Url(publicKey ?? "");
  if (key !== undefined && commandsDevice(ownerLogs, device, { key, nowMs: clock.now() })) return;
  throw new MusterError("forbidden", "the key of this browser may not command, so it opens no services", {
    hint: "sign in by a new link of a controller: muster hub login-link; whoever has words lets it command on the page",
  });
}
